import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT } from '../root.ts';

/** One way of doing the same work that people use instead. */
export interface Peer {
  id: string;
  what: string;
  /** Once, from file to file. */
  run(): Promise<PeerRun>;
}

export interface PeerRun {
  /** Frames a second in the steady state, for what runs in a page. */
  fps: number | null;
  /** Of the whole process, for what is one. */
  wallSeconds: number | null;
  frames: number;
  /** What it wrote; null when it wrote nothing. */
  output: string | null;
  /** Of a process that looks at itself: its pace without start and end, and what its networks take of a frame. */
  inside?: { steadyFps: number; networkMs: number };
  /** What it found, in display px, where it looks for objects; one list a frame. */
  found?: PeerDetection[][];
}

export interface PeerDetection {
  id: number;
  score: number;
  /** x, y, width, height. */
  box: [number, number, number, number];
}

/** The peers' own packages: no dependency of the product, installed when the bench runs. */
export const PEERS = join(ROOT, 'bench/peers');

/** Whether a package of the peers is here. */
export const hasPeer = (name: string): boolean => existsSync(join(PEERS, 'node_modules', name));

/** A package of the peers. */
export const peerPackage = <T>(name: string): T => createRequire(join(PEERS, 'package.json'))(name) as T;
