import type { ErrorRecord } from '../errors.ts';
import type { CapabilityReport, MeasuredSpeeds } from './capabilities.ts';
import type { DeviceReport, LoadReport, NodeHold, PauseReason } from './device.ts';

/** How a node stands, for whoever shows it. */
export interface NodeStatus {
  state: 'connecting' | 'online' | 'draining' | 'stopped';
  name: string | null;
  /** Why it is not online. */
  error: ErrorRecord | null;
  /** Why it takes nothing for a while, of its own accord. */
  pause: PauseReason | null;
  /** Why the server gives it nothing. */
  hold: NodeHold | null;
  /** It goes when it has done what it has. */
  leaving: boolean;
  /** `waits`: it is prepared for what comes after the others. */
  attempts: { attempt: string; frames: number; of: number | null; fps: number; waits: boolean }[];
  /** Attempts that counted, and those that failed. */
  done: number;
  failed: number;
  /** Worked at, whatever came of them. */
  frames: number;
}

/** Whether the server will never know this node again: what it was given is of no more use. */
export const isRevoked = ({ code }: Pick<ErrorRecord, 'code'>): boolean =>
  code === 'node-revoked' || code === 'token-unknown';

/** What a node has to say of itself, to its page and to the command that opened it. */
export type FromNodeWorker =
  | { type: 'measuring' }
  /** What this device can do, and how fast. */
  | { type: 'measured'; capabilities: CapabilityReport; speeds: MeasuredSpeeds }
  /** A small picture of what is worked at. */
  | { type: 'preview'; picture: ImageBitmap }
  | { type: 'status'; status: NodeStatus }
  | { type: 'failed'; error: ErrorRecord };

/** What a page asks of the worker that is a node. */
export type ToNodeWorker =
  | {
      type: 'join';
      /** Address of the server, or of what stands for it on this machine. */
      base: string;
      credential: string;
      host: 'tab' | 'headless';
      build: string;
      slots: number;
      labels: string[];
      region?: string;
      device?: DeviceReport;
      ortBase: string;
    }
  /** Takes no more until it resumes; what it has it finishes, or gives back at once. */
  | { type: 'pause'; reason: PauseReason; finish: boolean }
  | { type: 'resume' }
  | { type: 'load'; load: LoadReport }
  /** Of the time that work may have, above 0, up to 1. */
  | { type: 'share'; share: number }
  /** Whether somebody looks at what is worked at. */
  | { type: 'previewed'; wanted: boolean }
  | { type: 'drain' }
  | { type: 'stop' };
