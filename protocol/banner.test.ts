import { describe, expect, it } from 'vitest';
import { parseBanner } from './banner.ts';

const refusal = (value: unknown): string => {
  try {
    parseBanner(value);
    return '';
  } catch (error) {
    expect(error).toMatchObject({ code: 'banner-invalid', remedy: expect.any(String) });
    return (error as Error).message;
  }
};

it('fills in what is left out', () => {
  expect(parseBanner({ layers: [{ id: 'name', kind: 'lower-third', title: 'Ada' }] })).toEqual({
    v: 1,
    layers: [
      {
        ...{ id: 'name', kind: 'lower-third', shown: true, animation: 'fade', title: 'Ada', subtitle: '' },
        ...{ side: 'left', color: '#ffffff', background: '#0b1220e6', accent: '#0b5fc4' },
      },
    ],
  });
});

it('takes letters of every kind, and lines', () => {
  const text = 'Grüezi 🎬\n東京\tمرحبا';
  expect(parseBanner({ layers: [{ id: 'a', kind: 'ticker', text }] }).layers[0]).toMatchObject({ text });
});

describe('refuses', () => {
  it.each([
    ['nothing', null],
    ['no list of layers', { layers: {} }],
    ['an unknown kind', { layers: [{ id: 'a', kind: 'fireworks' }] }],
    ['an unknown field', { layers: [{ id: 'a', kind: 'clock', html: '<b>' }] }],
    ['a colour that is none', { layers: [{ id: 'a', kind: 'clock', color: 'url(x)' }] }],
    ['a time zone that is none', { layers: [{ id: 'a', kind: 'clock', timeZone: 'Mars/Olympus' }] }],
    ['an address to fetch', { layers: [{ id: 'a', kind: 'logo', image: 'https://example.net/a.png' }] }],
    ['a script as a picture', { layers: [{ id: 'a', kind: 'logo', image: 'data:text/html,<b>' }] }],
    [
      'a picture that is too large',
      { layers: [{ id: 'a', kind: 'logo', image: `data:image/png;base64,${'A'.repeat(600_000)}` }] },
    ],
    ['a text that is too long', { layers: [{ id: 'a', kind: 'ticker', text: 'x'.repeat(4001) }] }],
    ['a text that no database keeps', { layers: [{ id: 'a', kind: 'ticker', text: 'a\u0000b' }] }],
    ['half a character', { layers: [{ id: 'a', kind: 'lower-third', title: '\ud83d' }] }],
    [
      'a picture with what is no address',
      { layers: [{ id: 'a', kind: 'logo', image: 'data:image/png,\u0000' }] },
    ],
    ['too many layers', { layers: Array.from({ length: 17 }, (_, i) => ({ id: `a${i}`, kind: 'clock' })) }],
    ['a speed that nobody can read', { layers: [{ id: 'a', kind: 'ticker', speed: 99 }] }],
  ])('%s', (_what, value) => {
    expect(refusal(value)).not.toBe('');
  });

  it('more than goes through one message', () => {
    const image = `data:image/png;base64,${'A'.repeat(400 << 10)}`;
    const logo = { kind: 'logo', image };
    expect(
      refusal({
        layers: [
          { id: 'a', ...logo },
          { id: 'b', ...logo },
        ],
      }),
    ).toBe('A banner has at most 768 KiB.');
  });

  it('two layers of one name', () => {
    const clock = { id: 'time', kind: 'clock' };
    expect(refusal({ layers: [clock, clock] })).toContain('two layers are called "time"');
  });
});

it('says which field is wrong', () => {
  expect(
    refusal({
      layers: [
        { id: 'a', kind: 'clock' },
        { id: 'b', kind: 'clock', color: 'red' },
      ],
    }),
  ).toMatch(/layers\.1\.color: a colour such as/);
});
