import type { ErrorRecord } from '../errors.ts';
import type { DeviceReport, LoadReport, PauseReason } from './device.ts';

/** How a node stands, for whoever shows it. */
export interface NodeStatus {
  state: 'connecting' | 'online' | 'draining' | 'stopped';
  name: string | null;
  /** Why it is not online. */
  error: ErrorRecord | null;
  /** Why it takes nothing for a while, of its own accord. */
  pause: PauseReason | null;
  attempts: { attempt: string; frames: number; of: number | null; fps: number }[];
  done: number;
  failed: number;
}

/** Whether the server will never know this node again: what it was given is of no more use. */
export const isRevoked = ({ code }: Pick<ErrorRecord, 'code'>): boolean =>
  code === 'node-revoked' || code === 'token-unknown';

/** What a node has to say of itself, to its page and to the command that opened it. */
export type FromNodeWorker =
  | { type: 'measuring' }
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
  | { type: 'drain' }
  | { type: 'stop' };
