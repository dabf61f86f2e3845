import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { NodeView } from '../../protocol/index.ts';
import { startTestServer, type TestServer } from '../../server/testing.ts';
import { GridClient } from './client.ts';
import { credentialOf } from './enrol.ts';

describe('a machine that joins again', () => {
  const config = mkdtempSync(join(tmpdir(), 'edge-runner-enrol-'));
  const file = join(config, 'edge-runner/nodes.json');
  let server: TestServer;

  beforeAll(async () => {
    vi.stubEnv('XDG_CONFIG_HOME', config);
    server = await startTestServer();
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await server.stop();
    rmSync(config, { recursive: true, force: true });
  });

  const enter = async (name: string, token: string | null) => {
    const address = { url: new URL(server.url), token, pin: null, cert: null, key: null };
    const client = await GridClient.open(address, new AbortController().signal);
    try {
      return await credentialOf(client, name, token);
    } finally {
      client.agent.destroy();
    }
  };
  const trusts = async (name: string) =>
    (await server.ask<{ nodes: NodeView[] }>('GET', '/v1/nodes')).body.nodes
      .filter((node) => node.name === name)
      .map(({ trust }) => trust);

  it('is the node that it was with the same token and with none, another one with another', async () => {
    const plain = await server.token('enrol');
    const trusted = await server.token('enrol', { trust: 'trusted' });
    const first = await enter('one', plain);
    expect(await enter('one', plain)).toBe(first);
    expect(await enter('one', null)).toBe(first);
    expect(await trusts('one')).toHaveLength(1);
    const second = await enter('one', trusted);
    expect(second).not.toBe(first);
    expect((await trusts('one')).filter((trust) => trust === 'trusted')).toHaveLength(1);
    expect([await enter('one', null), await enter('one', trusted)]).toEqual([second, second]);
    // Kept is which token it was, not the token.
    expect(readFileSync(file, 'utf8')).not.toContain(trusted);
  });

  it('is refused with a token that lets nobody in, and stays what it was without', async () => {
    const kept = await enter('two', await server.token('enrol'));
    await expect(enter('two', 'er_enrol_unknown')).rejects.toMatchObject({
      code: 'token-unknown',
      remedy: expect.stringMatching(/Without a token this machine joins as the node that it was\.$/),
    });
    await expect(enter('two', await server.token('read'))).rejects.toMatchObject({ code: 'scope-missing' });
    expect(await enter('two', null)).toBe(kept);
    // To one that is no node yet there is nothing to go back to.
    await expect(enter('three', 'er_enrol_unknown')).rejects.toMatchObject({
      remedy: expect.not.stringContaining('Without a token'),
    });
  });

  it('is the node that it was when that was kept before tokens were noted', async () => {
    const kept = await enter('four', await server.token('enrol'));
    const { origin } = new URL(server.url);
    writeFileSync(file, JSON.stringify({ [`${origin} four`]: kept }));
    expect(await enter('four', null)).toBe(kept);
    expect(await enter('four', await server.token('enrol'))).not.toBe(kept);
  });
});
