import { describe, expect, it } from 'vitest';
import { checkZonesFit, parseZones } from './index.ts';

const polygon = (...points: [number, number][]) => [{ name: 'a', polygon: points }];

describe('zones', () => {
  it('are read from a list or from under "zones"', () => {
    const list = [
      {
        name: 'door',
        polygon: [
          [0, 0],
          [10, 0],
          [10, 10],
        ],
        classes: ['person'],
      },
      {
        name: 'gate',
        line: [
          [0, 0],
          [10, 10],
        ],
      },
    ];
    expect(parseZones(list)).toEqual(list);
    expect(parseZones({ zones: list })).toEqual(list);
  });

  it.each([
    ['nothing', undefined, /Zones? are not valid|the list/i],
    ['an empty list', [], /the list/],
    ['two corners', polygon([0, 0], [1, 1]), /polygon/],
    ['a bow tie', polygon([0, 0], [10, 10], [10, 0], [0, 10]), /"a" crosses itself/],
    ['a corner on an edge', polygon([0, 0], [10, 0], [10, 10], [5, 0], [0, 10]), /"a" crosses itself/],
    ['a polygon without area', polygon([0, 0], [5, 0], [10, 0]), /"a" has no area/],
    [
      'a line without length',
      [
        {
          name: 'g',
          line: [
            [3, 3],
            [3, 3],
          ],
        },
      ],
      /"g" ends where it begins/,
    ],
    [
      'two of one name',
      [...polygon([0, 0], [9, 0], [9, 9]), ...polygon([0, 0], [9, 0], [9, 9])],
      /two zones are called "a"/,
    ],
    ['a word it does not know', [{ name: 'a', circle: [0, 0, 5] }], /not valid/],
  ])('are refused: %s', (_what, value, message) => {
    expect(() => parseZones(value)).toThrow(
      expect.objectContaining({ code: 'zones-invalid', message: expect.stringMatching(message) }),
    );
  });

  it('must lie in the picture', () => {
    const zones = parseZones(polygon([0, 0], [640, 0], [640, 360]));
    expect(() => checkZonesFit(zones, 640, 360)).not.toThrow();
    expect(() => checkZonesFit(zones, 639, 360)).toThrow(
      expect.objectContaining({
        code: 'zones-invalid',
        message: expect.stringContaining('640, 0 in 639×360'),
      }),
    );
  });
});
