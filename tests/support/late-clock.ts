import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

/** For a page and its workers it is so many milliseconds later than it is. */
const shiftBy = (ms: number) => `if (!globalThis.clockIsShifted) {
  globalThis.clockIsShifted = true;
  const Now = Date;
  globalThis.Date = class extends Now {
    constructor(...given) { given.length > 0 ? super(...given) : super(Now.now() + ${ms}); }
    static now() { return Now.now() + ${ms}; }
  };
}\n`;

/** Stands before a server; scripts that come through it live by a clock that is wrong. */
export async function lateClock(server: string, ms: number): Promise<{ url: string; stop(): Promise<void> }> {
  const { hostname, port } = new URL(server);
  const proxy = createServer((asked, answer) => {
    const { method, url: path, headers } = asked;
    const forwarded = request(
      { hostname, port, method, path, headers: { ...headers, host: `${hostname}:${port}` } },
      async (got) => {
        const told = { ...got.headers };
        if (!path!.split('?')[0]!.endsWith('.js')) {
          answer.writeHead(got.statusCode!, told);
          got.pipe(answer);
          return;
        }
        const parts: Buffer[] = [Buffer.from(shiftBy(ms))];
        for await (const part of got) parts.push(part as Buffer);
        const body = Buffer.concat(parts);
        answer.writeHead(got.statusCode!, { ...told, 'content-length': body.length }).end(body);
      },
    );
    forwarded.on('error', () => answer.destroy());
    asked.pipe(forwarded);
  });
  proxy.on('upgrade', (asked, near, head) => {
    const far = connect(Number(port), hostname, () => {
      const lines = asked.rawHeaders.flatMap((word, i, all) =>
        i % 2 === 0 ? [`${word}: ${all[i + 1]}`] : [],
      );
      far.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      far.write(head);
      far.pipe(near).pipe(far);
    });
    for (const socket of [near, far]) socket.on('error', () => socket.destroy());
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    stop: async () => {
      proxy.close();
      proxy.closeAllConnections();
      await once(proxy, 'close');
    },
  };
}
