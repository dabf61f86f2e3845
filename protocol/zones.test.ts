import { describe, expect, it } from 'vitest';
import { checkZoneClasses, checkZonesFit, parseZones } from './index.ts';

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

  it('may be closed as GeoJSON closes them', () => {
    const open = polygon([0, 0], [9, 0], [9, 9]);
    expect(parseZones(polygon([0, 0], [9, 0], [9, 9], [0, 0]))).toEqual(open);
  });

  it('count only what is looked for', () => {
    const zones = parseZones([{ ...polygon([0, 0], [9, 0], [9, 9])[0], classes: ['dragon'] }]);
    expect(() => checkZoneClasses(zones, ['person', 'car'])).toThrow(/"a" counts "dragon"/);
    expect(() => checkZoneClasses(zones, ['dragon'])).not.toThrow();
  });

  it.each([
    ['nothing', undefined, /Zones? are not valid|the list/i],
    ['an empty list', [], /the list/],
    ['two corners', polygon([0, 0], [1, 1]), /polygon/],
    [
      'both',
      [{ ...polygon([0, 0], [9, 0], [9, 9])[0], line: [] }],
      /zone 1 wants a polygon or a line, not both/,
    ],
    ['neither', [{ name: 'a' }], /zone 1 wants a polygon or a line/],
    [
      'a line of three',
      [
        {
          name: 'a',
          line: [
            [0, 0],
            [1, 1],
            [2, 2],
          ],
        },
      ],
      /zone 1, line: two points/,
    ],
    [
      'a corner of words',
      [
        {
          name: 'a',
          line: [
            [0, 'x'],
            [1, 1],
          ],
        },
      ],
      /zone 1, line\.0/,
    ],
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
