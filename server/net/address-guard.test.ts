import type { LookupAddress } from 'node:dns';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AddressGuard } from './address-guard.ts';

const PUBLIC = '93.184.215.14';

/** A name server that gives one answer after another, and then the last one for ever. */
function answering(...answers: string[][]) {
  const left = [...answers];
  return async (): Promise<LookupAddress[]> => {
    const answer = left.length > 1 ? left.shift()! : left[0]!;
    return answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
}

const refusing = (...allowed: string[]) => new AddressGuard(allowed, answering([PUBLIC]));

const SPECIAL = {
  unspecified: ['0.0.0.0', '0.1.2.3', '::'],
  loopback: ['127.0.0.1', '127.255.255.254', '::1'],
  private: ['10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255'],
  'link-local': ['169.254.0.1', '169.254.169.254', '168.63.129.16', 'fe80::1', 'febf::1'],
  'carrier-grade NAT': ['100.64.0.1', '100.100.100.200', '100.127.255.255'],
  'unique-local': ['fc00::1', 'fd00:ec2::254', 'fd20:ce::254', 'fdff::1'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
  broadcast: ['255.255.255.255'],
  'special-purpose': [
    ...['192.0.0.192', '192.0.2.1', '192.88.99.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '240.0.0.1'],
    ...['192.31.196.1', '192.52.193.1', '192.175.48.1'],
    ...['2001:db8::1', '3fff::1', '100::1', 'fec0::1', '2001:20::1', '5f00::1', '4000::1', '1::1'],
  ],
};

/** Each with the IPv4 address that it carries. */
const CARRIERS: Record<string, (hex: string) => string> = {
  'IPv4-mapped': (hex) => `::ffff:${hex}`,
  'IPv4-compatible': (hex) => `::${hex}`,
  'IPv4-translated': (hex) => `::ffff:0:${hex}`,
  NAT64: (hex) => `64:ff9b::${hex}`,
  'local NAT64': (hex) => `64:ff9b:1::${hex}`,
  '6to4': (hex) => `2002:${hex}::1`,
  Teredo: (hex) => `2001:0:${hex}::1`,
};

describe.each(Object.entries(SPECIAL))('what is %s is refused', (kind, addresses) => {
  it.each(addresses)('%s, written out and behind a name', async (address) => {
    const refusal = { code: 'address-refused', message: expect.stringContaining(`not public (${kind})`) };
    const url = `http://${address.includes(':') ? `[${address}]` : address}/clip.mp4`;
    await expect(refusing().check(url)).rejects.toMatchObject(refusal);
    expect(() => refusing().lookupFor(url)).toThrow(expect.objectContaining(refusal));
    const guard = new AddressGuard([], answering([address]));
    await expect(guard.check('http://clips.example/clip.mp4')).rejects.toMatchObject(refusal);
  });
});

it.each(Object.entries(CARRIERS))('IPv4 inside IPv6 is what it carries: %s', async (_name, carrier) => {
  for (const hex of ['7f00:1', 'a00:1', 'a9fe:a9fe', 'c0a8:101', '6440:1'])
    await expect(refusing().check(`http://[${carrier(hex)}]/`)).rejects.toMatchObject({
      code: 'address-refused',
    });
});

it('public addresses are accepted, through NAT64 and IPv4-mapped too', async () => {
  const hosts = [PUBLIC, '8.8.8.8', '172.32.0.1', '100.128.0.1', '169.255.0.1', '[2606:4700::1111]'];
  for (const host of [...hosts, '[64:ff9b::808:808]', '[::ffff:8.8.8.8]'])
    await expect(refusing().check(`https://${host}/`)).resolves.toBeUndefined();
});

it.each([
  ...['http://2130706433/', 'http://0x7f.1/', 'http://0177.0.0.1/', 'http://127.1/', 'http://0/'],
  ...['http://017700000001/', 'http://0x7f000001/', 'http://127.0.0.1./', 'http://%31%32%37.0.0.1/'],
  ...['http://127。0。0。1/', 'http://①②⑦.0.0.1/', 'http://[::ffff:127.0.0.1]/', 'http:\\\\127.0.0.1\\'],
])('loopback is known in any spelling: %s', async (url) => {
  await expect(refusing().check(url)).rejects.toMatchObject({ code: 'address-refused' });
});

it.each(['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'printer.local', 'metadata.google.internal'])(
  'the name %s is refused before anyone is asked for it',
  async (name) => {
    await expect(refusing().check(`http://${name}/`)).rejects.toMatchObject({ code: 'address-refused' });
  },
);

it.each(['ftp://clips.example/a', 'file:///etc/passwd', 'data:video/mp4,a', 'clips.example', 'http://', ''])(
  'only http and https are read: "%s"',
  async (url) => {
    await expect(refusing().check(url)).rejects.toMatchObject({ code: 'address-refused' });
  },
);

it('a user name and password belong into a header, and are not told on', async () => {
  await expect(refusing().check('https://ada:secret@clips.example/a?token=t')).rejects.toMatchObject({
    code: 'address-refused',
    message: expect.not.stringMatching(/secret|token/),
    remedy: expect.stringContaining('header'),
  });
});

it('one bad address among those of a name refuses the name, and is not told', async () => {
  const guard = new AddressGuard([], answering([PUBLIC, '10.1.2.3']));
  await expect(guard.check('http://clips.example:8080/a')).rejects.toMatchObject({
    message: expect.not.stringContaining('10.1.2.3'),
    remedy: expect.stringContaining('--allow-address clips.example:8080'),
  });
});

it('a name that is not found is said to be so', async () => {
  const guard = new AddressGuard([], () =>
    Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })),
  );
  await expect(guard.check('http://clips.example/')).rejects.toMatchObject({ code: 'url-unreachable' });
});

describe('the operator allows', () => {
  const accepts = async (guard: AddressGuard, url: string) =>
    guard.check(url).then(
      () => true,
      () => false,
    );

  it('ranges and addresses, written out, behind names and inside IPv6', async () => {
    const guard = new AddressGuard(['10.1.0.0/16', 'fd00::/64', '192.168.1.5'], answering(['10.1.9.9']));
    for (const host of ['10.1.2.3', '[::ffff:10.1.2.3]', '[fd00::7]', '192.168.1.5', 'clips.example'])
      expect(await accepts(guard, `http://${host}/`), host).toBe(true);
    for (const host of ['10.2.0.1', '[fd00:0:0:1::7]', '192.168.1.6'])
      expect(await accepts(guard, `http://${host}/`), host).toBe(false);
  });

  it('a host by its name, wherever it leads, and no other that leads there', async () => {
    const guard = new AddressGuard(['Media.LAN', 'localhost'], answering(['127.0.0.1']));
    for (const host of ['media.lan', 'MEDIA.lan.', 'localhost:8080', 'media.lan:81'])
      expect(await accepts(guard, `http://${host}/`), host).toBe(true);
    expect(await accepts(guard, 'http://other.lan/')).toBe(false);
    expect(await accepts(guard, 'http://a.media.lan/')).toBe(false);
  });

  it('addresses, and so the local names that lead to them', async () => {
    const local = (address: string) => new AddressGuard(['10.0.0.0/8'], answering([address]));
    expect(await accepts(local('10.1.2.3'), 'http://nas.local/')).toBe(true);
    expect(await accepts(local('127.0.0.1'), 'http://localhost/')).toBe(false);
  });

  it('one port of a host or an address, which may be the usual one of its scheme', async () => {
    const guard = new AddressGuard(
      ['media.lan:443', '127.0.0.1:8080', '[::1]:8080'],
      answering(['192.168.1.2']),
    );
    for (const url of ['https://media.lan/', 'http://127.0.0.1:8080/', 'http://[::1]:8080/'])
      expect(await accepts(guard, url), url).toBe(true);
    for (const url of ['http://media.lan/', 'http://127.0.0.1/', 'http://[::1]:8081/'])
      expect(await accepts(guard, url), url).toBe(false);
  });

  it.each([
    ...['', 'http://media.lan', '10.0.0.0/33', '010.0.0.1', '0x7f.1', '1.2.3.4.5', '*.lan', 'a b'],
    ...['media.lan:0', 'media.lan:65536', 'media.lan:http', 'ada@media.lan', '[::1', 'media..lan', '10.1/16'],
  ])('nothing by "%s", which is refused when the server starts', (entry) => {
    expect(() => refusing(entry)).toThrow(expect.objectContaining({ code: 'option-invalid' }));
  });
});

describe('what is connected to is what was checked', () => {
  let inside: Server;
  let reached: number;

  beforeEach(async () => {
    reached = 0;
    inside = createServer((_request, response) => {
      reached++;
      response.end('secret');
    });
    await new Promise<void>((resolve) => inside.listen(0, '127.0.0.1', resolve));
  });

  afterEach(() => new Promise((resolve) => inside.close(resolve)));

  const port = () => (inside.address() as AddressInfo).port;

  const get = (guard: AddressGuard, url: string, autoSelectFamily: boolean) =>
    new Promise<number>((resolve, reject) => {
      const options = { lookup: guard.lookupFor(url), agent: false, autoSelectFamily } as const;
      request(url, options, (answer) => answer.resume().on('end', () => resolve(answer.statusCode!)))
        .on('error', reject)
        .end();
    });

  it.each([true, false])(
    'a name that answers otherwise the second time gains nothing (all: %s)',
    async (all) => {
      const guard = new AddressGuard([], answering([PUBLIC], ['127.0.0.1']));
      const url = `http://rebound.example:${port()}/`;
      await guard.check(url);
      await expect(get(guard, url, all)).rejects.toMatchObject({ code: 'address-refused' });
      expect(reached).toBe(0);
    },
  );

  it.each([true, false])('an allowed name is reached (all: %s)', async (all) => {
    const guard = new AddressGuard([`media.lan:${port()}`], answering(['127.0.0.1']));
    expect(await get(guard, `http://media.lan:${port()}/`, all)).toBe(200);
  });
});
