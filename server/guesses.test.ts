import { expect, it } from 'vitest';
import type { Problem } from '../protocol/index.ts';
import { startTestServer } from './testing.ts';
import { SimulatedNode } from './testing-node.ts';
import { SimulatedTab, type TabOptions } from './testing-tab.ts';

it('whoever guesses is soon not listened to', async () => {
  const strict = await startTestServer({ limits: { requests: 1000, refusals: 5 } });
  try {
    const guess = () => strict.ask<Problem>('GET', '/v1/jobs', { token: 'er_admin_guess' });
    for (let n = 0; n < 5; n++) expect((await guess()).status).toBe(401);
    expect(await guess()).toMatchObject({ status: 429, body: { code: 'rate-limited' } });
  } finally {
    await strict.stop();
  }
});

it('behind a proxy whoever guesses is not listened to, and others are', async () => {
  const strict = await startTestServer({ limits: { requests: 1e6, refusals: 3 }, proxies: ['loopback'] });
  try {
    const from = async (address: string, token: string) => {
      const headers = { authorization: `Bearer ${token}`, 'x-forwarded-for': address };
      return (await fetch(new URL('/v1/jobs', strict.url), { headers })).status;
    };
    for (let i = 0; i < 3; i++) expect(await from('192.0.2.1', 'er_admin_guess')).toBe(401);
    expect(await from('192.0.2.1', 'er_admin_guess')).toBe(429);
    expect(await from('192.0.2.2', strict.admin)).toBe(200);
  } finally {
    await strict.stop();
  }
});

it('a tab that guesses is soon not listened to, and others are', async () => {
  const strict = await startTestServer({ limits: { requests: 1e6, refusals: 3 }, proxies: ['loopback'] });
  try {
    const token = await strict.token('publish');
    const publish = (address: string, more: Partial<TabOptions> = {}) => {
      const headers = { 'x-forwarded-for': address };
      return SimulatedTab.publish(strict.url, { token, headers, ...more }).then(
        (tab) => tab.vanish().then(() => 'taken'),
        ({ code }: { code: string }) => code,
      );
    };
    expect(await publish('192.0.2.1')).toBe('taken');
    const guess = { token: 'er_publish_guess' };
    for (let i = 0; i < 3; i++) expect(await publish('192.0.2.1', guess)).toBe('token-unknown');
    expect(await publish('192.0.2.1', guess)).toBe('rate-limited');
    expect(await publish('192.0.2.1')).toBe('rate-limited');
    expect(await publish('192.0.2.2', { name: 'another' })).toBe('taken');
  } finally {
    await strict.stop();
  }
});

it('a node that guesses is soon not listened to', async () => {
  const strict = await startTestServer({ limits: { requests: 1000, refusals: 3 } });
  try {
    const node = await SimulatedNode.enrol(strict, await strict.token('enrol'));
    const guess = async () => {
      await expect(node.connect({}, { credential: 'er_node_guess' })).rejects.toThrow('4003');
    };
    for (let i = 0; i < 3; i++) await guess();
    await expect(node.connect()).rejects.toThrow('4003');
    expect(await node.next('refused')).toMatchObject({ code: 'rate-limited' });
  } finally {
    await strict.stop();
  }
});
