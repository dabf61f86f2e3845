import type { Face } from './raster.ts';
import type { Surface } from './surface.ts';

/** A point or direction of the world: metres, x across the road to the right, y up, z along the road. */
export type Vec = readonly [number, number, number];

/** Where the camera is and looks; angles in radians. */
export interface Camera {
  position: Vec;
  /** To the right, downwards, clockwise. */
  yaw: number;
  pitch: number;
  roll: number;
}

/** Light from the sky and from the sun, and where the sun stands. */
export interface Light {
  ambient: number;
  sun: number;
  direction: Vec;
}

/** Collects the faces of a frame, turned into camera space and lit; those that turn their back are left out. */
export class Stage {
  readonly faces: Face[] = [];
  readonly camera: Camera;
  readonly #light: Light;
  readonly #turn: readonly number[];

  constructor(camera: Camera, light: Light) {
    this.camera = camera;
    this.#light = light;
    this.#turn = rotation(camera);
  }

  /** A flat polygon of the world, with u and v of its corners. `twoSided` faces are seen from behind too. */
  polygon(
    points: readonly Vec[],
    uv: readonly (readonly [number, number])[],
    surface: Surface,
    object: number,
    options: { twoSided?: boolean; shadow?: boolean; glow?: number } = {},
  ): void {
    const normal = normalOf(points);
    const eye = this.camera.position;
    const [p] = points as [Vec, ...Vec[]];
    const facing = normal[0] * (eye[0] - p[0]) + normal[1] * (eye[1] - p[1]) + normal[2] * (eye[2] - p[2]);
    if (facing <= 0 && !options.twoSided) return;
    const { ambient, sun, direction } = this.#light;
    const side = facing < 0 ? -1 : 1;
    const incidence = side * (normal[0] * direction[0] + normal[1] * direction[1] + normal[2] * direction[2]);
    // Walls see half of the sky, floors all of it.
    const open = 0.75 + 0.25 * side * normal[1];
    this.faces.push({
      points: points.flatMap((point) => this.#toCamera(point)),
      uv: uv.flat(),
      surface,
      light: options.glow ?? ambient * open + sun * Math.max(0, incidence),
      object,
      ...(options.shadow && { shadow: true }),
    });
  }

  /** A rectangle that faces the camera: `centre`, metres wide and high; u, v from 0 to 1. */
  billboard(centre: Vec, width: number, height: number, surface: Surface, object: number): void {
    const [x, y, z] = centre;
    const dx = this.camera.position[0] - x;
    const dz = this.camera.position[2] - z;
    const length = Math.hypot(dx, dz) || 1;
    const rx = (-dz / length) * (width / 2);
    const rz = (dx / length) * (width / 2);
    const h = height / 2;
    this.polygon(
      [
        [x + rx, y - h, z + rz],
        [x - rx, y - h, z - rz],
        [x - rx, y + h, z - rz],
        [x + rx, y + h, z + rz],
      ],
      UNIT,
      surface,
      object,
      { twoSided: true },
    );
  }

  #toCamera([x, y, z]: Vec): number[] {
    const [px, py, pz] = this.camera.position;
    const m = this.#turn;
    const dx = x - px;
    const dy = y - py;
    const dz = z - pz;
    return [
      m[0]! * dx + m[1]! * dy + m[2]! * dz,
      m[3]! * dx + m[4]! * dy + m[5]! * dz,
      m[6]! * dx + m[7]! * dy + m[8]! * dz,
    ];
  }
}

/** Corners of a rectangle in u and v. */
export const UNIT = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
] as const;

/** World to camera, rows of a 3 × 3 matrix. */
export function rotation({ yaw, pitch, roll }: Camera): readonly number[] {
  const [cy, sy] = [Math.cos(yaw), Math.sin(yaw)];
  const [cp, sp] = [Math.cos(pitch), Math.sin(pitch)];
  const [cr, sr] = [Math.cos(roll), Math.sin(roll)];
  const right = [cy, 0, -sy];
  const up = [sy * sp, cp, cy * sp];
  const ahead = [sy * cp, -sp, cy * cp];
  return [
    ...right.map((value, i) => cr * value - sr * up[i]!),
    ...right.map((value, i) => sr * value + cr * up[i]!),
    ...ahead,
  ];
}

/** Unit normal of a polygon whose corners go counter-clockwise as seen from outside. */
function normalOf(points: readonly Vec[]): Vec {
  const [a, b, c] = points as [Vec, Vec, Vec];
  const [ux, uy, uz] = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
  const [vx, vy, vz] = [c[0] - a[0], c[1] - a[1], c[2] - a[2]];
  // Left-handed axes (x right, y up, z ahead): the cross product is turned round.
  const n: Vec = [uz * vy - uy * vz, ux * vz - uz * vx, uy * vx - ux * vy];
  const length = Math.hypot(...n) || 1;
  return [n[0] / length, n[1] / length, n[2] / length];
}
