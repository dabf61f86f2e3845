import type { LookupAddress, LookupAllOptions } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { EdgeRunnerError } from '../../protocol/index.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
/** All addresses of a name, as `lookup` of node:dns/promises gives them. */
export type Resolve = (hostname: string, options: LookupAllOptions) => Promise<LookupAddress[]>;

/**
 * Keeps the server, which fetches what strangers name, away from itself and from the networks that it stands in: only
 * public addresses are read, but for those that the operator allowed.
 */
export class AddressGuard {
  readonly #allowed: readonly Rule[];
  readonly #resolve: Resolve;

  /**
   * @param allowed CIDR ranges, addresses, and `host` or `host:port`; a host allowed by name may lead anywhere.
   * @throws {EdgeRunnerError} `option-invalid`, naming the entry that is none of these.
   */
  constructor(allowed: readonly string[], resolve: Resolve = lookup) {
    this.#allowed = allowed.map(ruleOf);
    this.#resolve = resolve;
  }

  /**
   * Refuses early what would be refused later; what is connected to is checked by {@link lookupFor} all the same.
   * @throws {EdgeRunnerError} `address-refused`, and `url-unreachable` when its name is not found.
   */
  async check(url: string): Promise<void> {
    const { host, target } = this.#target(url);
    if (!isIP(host)) await this.#addressesOf(host, target, { all: true });
  }

  /**
   * The `lookup` with which node's `request` must reach this address. The addresses it answers with are the ones that
   * are connected to: a name that answers otherwise the second time (DNS rebinding) gains nothing. Node asks no lookup
   * about literal addresses, which are therefore judged right here.
   * @throws {EdgeRunnerError} `address-refused`
   */
  lookupFor(url: string): LookupFunction {
    const { target } = this.#target(url);
    return (hostname, options, callback) => {
      this.#addressesOf(hostname, target, { ...options, all: true }).then(
        (addresses) => {
          if (options.all) callback(null, addresses);
          else callback(null, addresses[0]!.address, addresses[0]!.family);
        },
        (error: Error) => callback(error, []),
      );
    };
  }

  /** What can be said of an address before its name is looked up. */
  #target(text: string): { host: string; target: URL } {
    if (!URL.canParse(text)) throw refused('That is no address.', WHOLE_ADDRESS);
    const target = new URL(text);
    if (target.protocol !== 'http:' && target.protocol !== 'https:')
      throw refused(`Addresses that begin with ${target.protocol} are not read.`, WHOLE_ADDRESS);
    if (target.username || target.password)
      throw refused(
        `${shown(target)} was given with a user name and password in it.`,
        'Take them out, and give them as a header: "Authorization: Basic …".',
      );
    const host = target.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host)) this.#judge([host], target);
    else if (LOCAL_NAME.test(host) && !this.#mayAllow(host, portOf(target)))
      throw notPublic(target, 'a name of this machine or its network');
    return { host, target };
  }

  async #addressesOf(host: string, target: URL, options: LookupAllOptions): Promise<LookupAddress[]> {
    const addresses = await this.#resolve(host, options).catch((error: NodeJS.ErrnoException) => {
      throw unreachable(target, `its server is not found from here (${error.code ?? error.message})`, {
        cause: error,
      });
    });
    if (addresses.length === 0) throw unreachable(target, 'its server has no address');
    if (!this.#allowsName(host, portOf(target)))
      this.#judge(
        addresses.map(({ address }) => address),
        target,
      );
    return addresses;
  }

  /** One bad address among good ones refuses them all: which of them is connected to is not ours to say. */
  #judge(addresses: string[], target: URL): void {
    for (const text of addresses) {
      if (!ipaddr.isValid(text)) throw notPublic(target, 'unknown');
      const address = ipaddr.parse(text);
      const carried = carriedBy(address);
      if ([address, carried].some((one) => this.#allowsAddress(one, portOf(target)))) continue;
      const kind = kindOf(carried);
      if (kind !== null) throw notPublic(target, kind);
    }
  }

  #allowsName(host: string, port: number): boolean {
    const name = withoutDot(host);
    return this.#allowed.some((rule) => 'name' in rule && rule.name === name && (rule.port ?? port) === port);
  }

  /** Whether a local name is worth looking up: it may lead to an address that is allowed. */
  #mayAllow(host: string, port: number): boolean {
    return (
      this.#allowsName(host, port) ||
      this.#allowed.some((rule) => 'range' in rule && (rule.port ?? port) === port)
    );
  }

  #allowsAddress(address: Address, port: number): boolean {
    return this.#allowed.some(
      (rule) =>
        'range' in rule &&
        rule.range[0].kind() === address.kind() &&
        address.match(rule.range) &&
        (rule.port ?? port) === port,
    );
  }
}

/** An address as it may be told and logged: what stands behind `?` is often a signature. */
export const shown = ({ protocol, host, pathname }: URL) => `${protocol}//${host}${pathname}`;

export const unreachable = (url: URL, why: string, options?: ErrorOptions) =>
  new EdgeRunnerError(
    'url-unreachable',
    `${shown(url)} could not be read: ${why}.`,
    'Check the address; it is the server that must be able to reach it.',
    options,
  );

type Rule = { port: number | null } & ({ name: string } | { range: [Address, number] });

function ruleOf(entry: string): Rule {
  if (ipaddr.IPv4.isValidCIDRFourPartDecimal(entry) || ipaddr.IPv6.isValidCIDR(entry))
    return { range: ipaddr.parseCIDR(entry), port: null };
  if (isIP(entry)) return { range: single(entry), port: null };
  const [, given, digits] = /^(\[[0-9a-f:.]+\]|[^\s:/[\]@?#\\%]+)(?::(\d{1,5}))?$/i.exec(entry) ?? [];
  const port = digits === undefined ? null : Number(digits);
  if (!given || port === 0 || (port ?? 0) > 65_535) throw badEntry(entry);
  const host = URL.canParse(`http://${given}`) ? new URL(`http://${given}`).hostname : '';
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIP(bare)) {
    // `010.0.0.1` is another address to some readers than to others: nobody can have meant both.
    if (given !== host && !given.startsWith('[')) throw badEntry(entry);
    return { range: single(bare), port };
  }
  const name = withoutDot(host);
  if (!/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/.test(name))
    throw badEntry(entry);
  return { name, port };
}

const single = (text: string): [Address, number] => {
  const address = ipaddr.parse(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
};

/** Names that a resolver answers from this machine or its link: RFC 6761, 6762, 8375, and ICANN's `internal`. */
const LOCAL_NAME = /(^|\.)(localhost|localdomain|local|internal|home\.arpa)\.?$/;

/** What is routed at all; all else of IPv6 is set aside (RFC 4291 2.4), IPv4-compatible addresses among it. */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');
/** Public names come as these where only IPv6 is spoken (RFC 6147). */
const NAT64 = ipaddr.parseCIDR('64:ff9b::/96');
/** Azure's machines get their secrets from this one, which no registry lists as special. */
const AZURE_WIRE_SERVER = '168.63.129.16';

/** The IPv4 address that is reached in truth. 6to4, Teredo and their kin reach no web server: they are refused whole. */
function carriedBy(address: Address): Address {
  if (address.kind() === 'ipv4') return address;
  const ipv6 = address as ipaddr.IPv6;
  if (ipv6.isIPv4MappedAddress()) return ipv6.toIPv4Address();
  return ipv6.match(NAT64) ? ipaddr.fromByteArray(ipv6.toByteArray().slice(12)) : ipv6;
}

/** In a word, why an address is not one of the public internet; null for one that is. */
function kindOf(address: Address): string | null {
  const range: string = address.range();
  if (range !== 'unicast') return KINDS[range] ?? 'special-purpose';
  if (address.kind() === 'ipv4') return address.toString() === AZURE_WIRE_SERVER ? 'link-local' : null;
  return address.match(GLOBAL_UNICAST) ? null : 'special-purpose';
}

const KINDS: Record<string, string> = {
  loopback: 'loopback',
  private: 'private',
  linkLocal: 'link-local',
  uniqueLocal: 'unique-local',
  carrierGradeNat: 'carrier-grade NAT',
  unspecified: 'unspecified',
  multicast: 'multicast',
  broadcast: 'broadcast',
};

const withoutDot = (host: string) => host.replace(/\.$/, '');

const portOf = ({ port, protocol }: URL) => Number(port || (protocol === 'https:' ? 443 : 80));

const WHOLE_ADDRESS = 'Give the whole address of the file, beginning with http:// or https://.';

const refused = (what: string, remedy: string) => new EdgeRunnerError('address-refused', what, remedy);

/** Does not say which address it was: what names lead to inside a network is not for strangers to know. */
const notPublic = (url: URL, kind: string) =>
  refused(
    `${shown(url)} leads to an address that is not public (${kind}).`,
    `Give a public address; the operator of this server can allow this one with --allow-address ${url.hostname}:${portOf(url)}.`,
  );

const badEntry = (entry: string) =>
  new EdgeRunnerError(
    'option-invalid',
    `"${entry}" is no address that could be allowed.`,
    'Give a range (10.1.0.0/16), an address (10.1.2.3), a host (media.lan), or either with its port (media.lan:8080).',
  );
