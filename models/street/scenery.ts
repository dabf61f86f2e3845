import type { House, Scene } from './scene.ts';
import { Builder, level } from './solid.ts';
import type { Stage } from './stage.ts';
import { facade, ground, leaves, plain, type RoadLook, scaled } from './surface.ts';

/** All that is not to be found: ground, houses, trees, posts. */
export function buildScenery(scene: Scene, stage: Stage, signs: { x: number; z: number }[]): void {
  const { road } = scene;
  const wide = 90;
  const near = stage.camera.position[2] - 15;
  stage.polygon(
    [
      [-wide, 0, near],
      [wide, 0, near],
      [wide, 0, 700],
      [-wide, 0, 700],
    ],
    [
      [-wide, near],
      [wide, near],
      [wide, 700],
      [-wide, 700],
    ],
    ground(road),
    0,
  );
  for (const house of scene.houses) buildHouse(house, road, stage);
  for (const { x, z, height, seed, color } of scene.trees) {
    const tree = new Builder(stage, 0, x, z);
    tree.box(level(0, 0.24, -0.12, 0.12), height * 0.55, { side: plain(0x4a3a2a) });
    tree.ball(0, height * 0.7, 0, height * 0.7, height * 0.75, leaves(seed, color));
  }
  for (const [x, z] of scene.lamps) {
    const lamp = new Builder(stage, 0, x, z);
    lamp.box(level(0, 0.12, -0.06, 0.06), 6.5, { side: plain(0x55585c) });
    lamp.box(
      {
        y: 6.4,
        left: Math.min(0, -Math.sign(x) * 1.6),
        right: Math.max(0, -Math.sign(x) * 1.6),
        back: -0.06,
        front: 0.06,
      },
      0.1,
      {
        side: plain(0x55585c),
      },
    );
  }
  for (const { x, z } of signs)
    new Builder(stage, 0, x, z).box(level(0, 0.06, 0.02, 0.08), 2.9, { side: plain(0x8a8d90) });
}

function buildHouse(
  { side, from, to, height, setback, wall, look }: House,
  road: RoadLook,
  stage: Stage,
): void {
  const edge = road.half + road.sidewalk + setback;
  const front = facade(look);
  const house = new Builder(stage, 0, side * edge, from);
  const depth = 14;
  const [left, right] = side > 0 ? [0, depth] : [-depth, 0];
  // u of a solid's side runs along it in metres, v from 0 to 1; a house front wants metres for both.
  house.box({ y: 0, left, right, back: 0, front: to - from }, height, {
    side: (u, v, distance) => front(u, v * height, distance),
    front: plain(scaled(wall, 0.8)),
    back: plain(scaled(wall, 0.8)),
    top: plain(scaled(wall, 0.6)),
  });
}
