import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificate, newKeys } from './support/certificates.ts';
import { Command, edgeRunner, expectNothingLeft, expectRefusal, succeed } from './support/command.ts';

/** What a command that goes on has said, or is yet to say. */
async function said(command: Command, pattern: RegExp): Promise<RegExpExecArray> {
  await command.until(({ stdout, stderr }) => pattern.test(stdout) || pattern.test(stderr));
  return (pattern.exec(command.stdout) ?? pattern.exec(command.stderr))!;
}

const MINUTES = 300_000;

describe('a server that wants certificates of its headless nodes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-mtls-'));
  const file = (name: string) => join(folder, name);
  const env: Record<string, string> = { XDG_CONFIG_HOME: file('config'), EDGE_RUNNER_CACHE: file('cache') };
  const commands: Command[] = [];
  let url: string;
  let pin: string;

  const start = async (...args: string[]) => {
    const command = await Command.start(args, { env, hung: MINUTES });
    commands.push(command);
    return command;
  };

  beforeAll(async () => {
    const root = await certificate({ issuer: null, signer: await newKeys() });
    const client = await certificate({ issuer: root.cert, signer: root.keys });
    const other = await certificate({ issuer: null, signer: await newKeys() });
    for (const [name, { cert, key }] of Object.entries({ root, client, other })) {
      writeFileSync(file(`${name}.pem`), cert);
      writeFileSync(file(`${name}.key`), key);
    }
    const server = await start(
      'server',
      '--port',
      '0',
      '--data',
      file('data'),
      '--client-ca',
      file('root.pem'),
    );
    url = (await said(server, /^edge-runner server: (https:\S+)$/m))[1]!;
    pin = (await said(server, /--pin (sha256:[0-9a-f]{64})/))[1]!;
    env.EDGE_RUNNER_TOKEN = (await said(server, /admin token +(\S+)$/m))[1]!;
    const made = ['token', 'create', url, '--pin', pin, '--name', 'nodes', '--scope', 'enrol'];
    writeFileSync(file('enrol'), (await succeed(made, { env })).stdout);
  });
  afterAll(async () => {
    for (const command of commands.reverse()) {
      command.child.kill('SIGTERM');
      const ended = await command.ended;
      expect(ended.code, ended.stderr).toBe(0);
      expectNothingLeft(ended);
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it('is not spoken to by whoever does not pin it', async () => {
    expectRefusal(await edgeRunner(['token', 'list', url], { env }), 3, 'certificate-unknown');
  });

  it.each([
    ['without one', []],
    ['with one of another authority', ['--cert', 'other.pem', '--key', 'other.key']],
  ])('lets no headless node in %s', async (_, shown) => {
    const node = await start(
      ...['join', url, '--pin', pin, '--token-file', file('enrol'), '--name', 'stranger'],
      ...shown.map((word) => (word.startsWith('--') ? word : file(word))),
    );
    await said(node, /must show a certificate/);
  });

  it('gives a node with a certificate its work, over TLS', async () => {
    const node = await start(
      ...['join', url, '--pin', pin, '--token-file', file('enrol'), '--name', 'known'],
      ...[
        '--cert',
        file('client.pem'),
        '--key',
        file('client.key'),
        '--labels',
        'big,fast',
        '--region',
        'here',
      ],
    );
    await said(node, /connected as known/);
    const job = ['pattern:320x180@30:30', '-o', file('out.mp4'), '--labels', 'fast', '--region', 'here'];
    await succeed(['submit', url, '--pin', pin, ...job], { env });
    const inspected = await succeed(['inspect', file('out.mp4'), '--json'], { env });
    expect(JSON.parse(inspected.stdout)).toMatchObject({ tracks: [{ kind: 'video', samples: 30 }] });
  });
});
