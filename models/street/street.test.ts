import { describe, expect, it } from 'vitest';
import { STREET_CLASSES, Street, type StreetFrame } from './index.ts';
import { Random } from './random.ts';
import { Raster } from './raster.ts';

const SIZE = { width: 480, height: 270, fps: 30 };
const copy = ({ color, inverseDepth, truth }: StreetFrame) => ({
  color: color.slice(),
  inverseDepth: inverseDepth.slice(),
  truth: structuredClone(truth),
});

describe('a street', () => {
  it('is the same for the same seed, in whatever order its frames are made', () => {
    const one = new Street({ seed: 5, ...SIZE });
    const other = new Street({ seed: 5, ...SIZE });
    const first = copy(one.frame(0));
    const later = copy(one.frame(40));
    expect(copy(other.frame(40))).toEqual(later);
    expect(copy(other.frame(0))).toEqual(first);
    expect(copy(new Street({ seed: 6, ...SIZE }).frame(0)).color).not.toEqual(first.color);
  });

  it('shows every class over a few seeds, with boxes inside the picture and shares of what is seen', () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 12; seed++) {
      for (const { class: name, classId, box, visible } of new Street({ seed, ...SIZE }).frame(30).truth) {
        const [x, y, width, height] = box;
        expect(STREET_CLASSES[classId]).toBe(name);
        expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
        expect(x + width).toBeLessThanOrEqual(SIZE.width);
        expect(y + height).toBeLessThanOrEqual(SIZE.height);
        expect(visible).toBeGreaterThanOrEqual(0);
        expect(visible).toBeLessThanOrEqual(1);
        if (visible > 0.5) seen.add(name);
      }
    }
    expect([...seen].sort()).toEqual([...STREET_CLASSES].sort());
  });

  it('keeps identities: what has a number on one frame is near by on the next', () => {
    for (const seed of [3, 7, 9]) {
      const street = new Street({ seed, ...SIZE });
      const before = new Map(street.frame(60).truth.map((object) => [object.id, object]));
      const after = street.frame(61).truth;
      expect(new Set(after.map(({ id }) => id)).size).toBe(after.length);
      let both = 0;
      for (const { id, class: name, box } of after) {
        const old = before.get(id);
        if (!old) continue;
        both++;
        expect(old.class).toBe(name);
        const size = Math.max(box[2], box[3], old.box[2], old.box[3]);
        // A box that is cut off by the picture's edge may shrink at once; its middle moves less than its size.
        const moved = Math.hypot(
          box[0] + box[2] / 2 - old.box[0] - old.box[2] / 2,
          box[1] + box[3] / 2 - old.box[1] - old.box[3] / 2,
        );
        expect(moved).toBeLessThan(Math.max(12, size));
      }
      expect(both).toBeGreaterThan(after.length * 0.8);
    }
  });

  it('has metric depth: a box near by is tall, one far off small, as its class is', () => {
    let checked = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const { inverseDepth, truth } = new Street({ seed, ...SIZE }).frame(10);
      for (const {
        class: name,
        box: [x, y, width, height],
        visible,
      } of truth) {
        const inside = x > 2 && y > 2 && x + width < SIZE.width - 2 && y + height < SIZE.height - 2;
        if (name !== 'person' || visible < 0.98 || !inside || height < 25) continue;
        // A person's coat lies in the middle of the box.
        const inverse = inverseDepth[Math.round(y + height * 0.4) * SIZE.width + Math.round(x + width / 2)]!;
        // Metres for a px at 1 m distance: 2 · tan(angle / 2) / width, for angles from 0.9 to 1.25 radians.
        const least = (height * 2 * Math.tan(0.45)) / SIZE.width / inverse;
        const most = (height * 2 * Math.tan(0.625)) / SIZE.width / inverse;
        expect(most).toBeGreaterThan(1);
        expect(least).toBeLessThan(2.1);
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(10);
  });
});

describe('the rasteriser', () => {
  const square = (z: number, object: number) => ({
    points: [-1, -1, z, 1, -1, z, 1, 1, z, -1, 1, z],
    uv: [0, 0, 1, 0, 1, 1, 0, 1],
    surface: () => 0xff8040,
    light: 1,
    object,
  });

  it('draws a square at its place, with its depth', () => {
    const raster = new Raster(100, 100, 100);
    raster.clear(0, 0);
    raster.draw(square(4, 1));
    // 2 m at 4 m with a focal length of 100 px: 50 px.
    expect(raster.coverageOf(1)).toEqual({ minX: 25, minY: 25, maxX: 74, maxY: 74, pixels: 2500 });
    expect(raster.inverseDepth[50 * 100 + 50]).toBeCloseTo(0.25, 6);
    expect([...raster.color.subarray((50 * 100 + 50) * 3, (50 * 100 + 50) * 3 + 3)]).toEqual([255, 128, 64]);
    expect(raster.inverseDepth[0]).toBe(0);
  });

  it('counts what an object would fill also where another one hides it, in either order', () => {
    for (const order of [
      [2, 1],
      [1, 2],
    ]) {
      const raster = new Raster(100, 100, 100);
      raster.clear(0, 0);
      for (const object of order) raster.draw(square(object === 1 ? 4 : 8, object));
      expect(raster.coverageOf(2)!.pixels).toBe(625);
      expect(raster.object.filter((object) => object === 2).length).toBe(0);
    }
  });

  it('gives surfaces their own coordinates in perspective', () => {
    const raster = new Raster(100, 100, 100);
    raster.clear(0, 0);
    const at: number[] = [];
    raster.draw({
      // A floor 1 m below, from 2 m to 10 m; v is the distance.
      points: [-5, -1, 2, 5, -1, 2, 5, -1, 10, -5, -1, 10],
      uv: [-5, 2, 5, 2, 5, 10, -5, 10],
      surface: (_u, v, distance) => {
        at.push(Math.abs(v - distance));
        return 0;
      },
      light: 1,
      object: 0,
    });
    expect(at.length).toBeGreaterThan(500);
    expect(Math.max(...at)).toBeLessThan(1e-4);
  });

  it('cuts what reaches behind the camera', () => {
    const raster = new Raster(64, 64, 64);
    raster.clear(0, 0);
    raster.draw({
      points: [-5, -1, -3, 5, -1, -3, 5, -1, 20, -5, -1, 20],
      uv: [0, 0, 1, 0, 1, 1, 0, 1],
      surface: () => 0xffffff,
      light: 1,
      object: 0,
    });
    expect(raster.inverseDepth[63 * 64 + 32]).toBeCloseTo(31.5 / 64, 4);
    expect(raster.inverseDepth[20 * 64 + 32]).toBe(0);
  });
});

describe('random numbers', () => {
  it('are even, and the same for the same seed', () => {
    const random = new Random(1, 2);
    const numbers = Array.from({ length: 10_000 }, () => random.next());
    expect(numbers.reduce((sum, x) => sum + x, 0) / numbers.length).toBeCloseTo(0.5, 1);
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    const again = new Random(1, 2);
    expect(again.next()).toBe(numbers[0]);
  });
});
