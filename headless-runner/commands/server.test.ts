import { describe, expect, it } from 'vitest';
import { greeting } from './server.ts';

const said = (url: string, addresses: string[]) =>
  greeting({ url, addresses, pin: null, adminToken: null, loginCode: 'CODE' }).split('\n');

describe('what a server says at its start', () => {
  it('is a login by the address that others reach it by, and where else that leads', () => {
    const lines = said('https://localhost:7300', ['https://farm.example:7300', 'https://10.0.0.2:7300']);
    expect(lines).toContain('  dashboard        https://farm.example:7300/dashboard/#login=CODE');
    expect(lines).toContain('                   (on this machine https://localhost:7300 leads there too)');
    // One code logs in once: a second link would open nothing.
    expect(lines.filter((line) => line.includes('#login='))).toHaveLength(1);
  });

  it('is one address where only its own machine reaches it', () => {
    const lines = said('http://127.0.0.1:7300', ['http://127.0.0.1:7300']);
    expect(lines).toContain('  dashboard        http://127.0.0.1:7300/dashboard/#login=CODE');
    expect(lines.join('\n')).not.toContain('leads there too');
  });
});
