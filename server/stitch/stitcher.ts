import { Readable } from 'node:stream';
import type { Logger } from 'pino';
import {
  EdgeRunnerError,
  FOUND_OUTPUT,
  isFinal,
  type StitchPart,
  type StitchRequest,
  type StitchWork,
  type TaskOutcome,
} from '../../protocol/index.ts';
import type { BlobStore } from '../blobs/store.ts';
import type { HeldAttempt } from '../grid/fleet.ts';
import type { Grid } from '../grid/grid.ts';
import type { Intervals } from '../grid/intervals.ts';
import { onlySource, passesOf } from '../grid/planner.ts';
import { attemptKey } from '../grid/work.ts';
import type { AddressGuard } from '../net/address-guard.ts';
import type { GuardedAnswer } from '../net/guarded-get.ts';
import type { SourceReader } from '../sources.ts';
import type { NewAttempt } from '../store/claims.ts';
import type { Database } from '../store/database.ts';
import { type TaskKind, tasksOfJob } from '../store/jobs.ts';
import { deleteBlobs, partsOfSource } from '../store/records.ts';
import { beganAt, claimForServer, redoSegment } from '../store/stitching.ts';
import { type RandomBytes, sourceBytes, storedBytes } from './source-bytes.ts';
import { stitchInThread } from './stitcher-thread.ts';

export interface StitcherOptions {
  db: Database;
  blobs: BlobStore;
  guard: AddressGuard;
  sources: SourceReader;
  grid: Grid;
  intervals: Intervals;
  log: Logger;
}

/** Sources that a server joins at a time. */
const AT_A_TIME = 4;

/**
 * Joins what nodes made of the segments of a source, on this server, a few sources at a time. It holds a lease as a node
 * does: where this server goes, another one does it, or this one when it is there again.
 */
export class Stitcher {
  readonly #options: StitcherOptions;
  readonly #ending = new AbortController();
  #claiming: Promise<void> | null = null;
  readonly #joining = new Set<Promise<void>>();
  #again = false;
  #look: NodeJS.Timeout | null = null;

  constructor(options: StitcherOptions) {
    this.#options = options;
  }

  start(): void {
    // What rested after a failure is nobody's to announce.
    this.#look = setInterval(() => this.wake(), this.#options.intervals.renewMs);
    this.wake();
  }

  async stop(): Promise<void> {
    this.#ending.abort(new Error('the server goes down'));
    if (this.#look) clearInterval(this.#look);
    await this.#claiming;
    await Promise.all(this.#joining);
  }

  /** There may be something to join. */
  wake(): void {
    if (this.#ending.signal.aborted) return;
    this.#again = true;
    this.#claiming ??= this.#claimAll()
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'joining failed'))
      .finally(() => {
        this.#claiming = null;
        // Somebody called while it was about to end.
        if (this.#again && this.#joining.size < AT_A_TIME) this.wake();
      });
  }

  async #claimAll(): Promise<void> {
    const { db, intervals } = this.#options;
    while (this.#again && this.#joining.size < AT_A_TIME && !this.#ending.signal.aborted) {
      this.#again = false;
      const attempt = await claimForServer(db, intervals.ttlMs);
      if (!attempt) continue;
      this.#again = true;
      // An origin that is slow holds up its own job only.
      const one = this.#join(attempt)
        .catch((error: unknown) => this.#options.log.error({ err: error }, 'joining failed'))
        .finally(() => {
          this.#joining.delete(one);
          this.wake();
        });
      this.#joining.add(one);
    }
  }

  async #join(made: NewAttempt): Promise<void> {
    const { grid, intervals, log } = this.#options;
    const { attempt, lease, task, job, tenant, kind, source } = made;
    const held: HeldAttempt = {
      ...{ attempt, lease, task, job, tenant, kind, source, segment: null },
      ...{ state: 'leased', since: performance.now(), seq: -1 },
    };
    const lost = new AbortController();
    const signal = AbortSignal.any([this.#ending.signal, lost.signal]);
    const renewing = setInterval(() => {
      grid.renew(held).then(
        (holds) => holds || lost.abort(new Error('the lease was lost')),
        (error: unknown) => log.warn({ err: error, attempt }, 'renewing a lease failed'),
      );
    }, intervals.renewMs);
    try {
      const { work, keys } = await this.#workOf(made);
      const joined = await stitchInThread({
        work,
        serve: this.#serverOf(made, work, await this.#options.sources.copyOf(job, source), signal),
        onProgress: (frames) => grid.moved(held, { frames, of: null, fps: 0, waits: false }),
        onLog: (message) => void grid.say(held, message).catch(() => {}),
        signal,
      });
      if (joined.type === 'done') await this.#finish(held, joined.files, joined.outcome, keys);
      else await this.#fail(made, held, EdgeRunnerError.fromRecord(joined.error), joined.segment);
    } catch (error) {
      // Leases end by themselves; whoever takes it up begins anew.
      if (!signal.aborted) await this.#fail(made, held, EdgeRunnerError.from(error), null);
    } finally {
      clearInterval(renewing);
    }
  }

  /** What is to be joined, and the keys of its files, which are of no use afterwards. */
  async #workOf({ job, kind, source, spec }: NewAttempt): Promise<{ work: StitchWork; keys: string[] }> {
    const { db } = this.#options;
    const [tasks, files, began] = await Promise.all([
      tasksOfJob(db, job),
      partsOfSource(db, job, source),
      beganAt(db, job, source),
    ]);
    const about = onlySource(spec, source);
    const video = about.outputs.find((output) => output.kind === 'video')?.id;
    const events = about.outputs.find((output) => output.kind === 'events')?.id;
    const passes = passesOf(spec, source);
    const found = kind === 'follow' || passes === 'find, follow';
    const from = passOf(kind, passes);
    const done = tasks.filter((task) => task.source === source && task.outcome && task.state === 'done');
    const parts = done.flatMap(({ id, kind: of, segment, outcome }): StitchPart[] => {
      if (of !== from || !segment || !outcome) return [];
      const fileOf = (output: string | undefined) =>
        files.find((file) => file.task === id && file.output === output)?.id ?? null;
      return [
        {
          segment,
          outcome,
          video: fileOf(video),
          events: fileOf(events ?? (found ? FOUND_OUTPUT : undefined)),
        },
      ];
    });
    const sound = done.find((task) => task.kind === 'sound')?.id;
    return {
      work: {
        ...{ spec: about, parts, began: began.getTime() },
        sound: files.find(({ task }) => task === sound)?.id ?? null,
        pass: kind === 'follow' ? 'follow' : found ? 'follow-and-stitch' : 'stitch',
        // It sums up the pass before it.
        before: done.flatMap(({ kind: of, outcome }) => (of === 'follow' && outcome ? [outcome] : [])),
      },
      // What was found is yet to be drawn.
      keys: kind === 'follow' ? [] : files.map(({ id }) => id),
    };
  }

  #serverOf(
    { job, source, attempt }: NewAttempt,
    { spec, parts, sound }: StitchWork,
    copy: string | null,
    signal: AbortSignal,
  ) {
    const { blobs, guard, sources } = this.#options;
    const check = (answer: GuardedAnswer) => sources.checkSame(job, source, answer);
    const readable = new Map<string | null, RandomBytes>([
      [
        null,
        copy === null
          ? sourceBytes(spec.sources[0]!, { blobs, guard, check, signal })
          : storedBytes(blobs, copy),
      ],
      ...[sound, ...parts.flatMap(({ video, events }) => [video, events])].flatMap((key) =>
        key === null ? [] : [[key, storedBytes(blobs, key)] as const],
      ),
    ]);
    return async (request: StitchRequest): Promise<number | null | Uint8Array<ArrayBuffer>> => {
      if (request.what === 'write') {
        const { output, name, index, sha256, bytes } = request;
        const key = attemptKey(job, attempt, output, name);
        await blobs.writePart(key, { index, sha256, bytes: bytes.byteLength }, Readable.from([bytes]));
        return null;
      }
      const file = readable.get(request.file);
      if (!file) throw new Error('a segment has no such file');
      return request.what === 'size'
        ? file.size()
        : new Uint8Array(await file.read(request.start, request.end));
    };
  }

  async #finish(
    held: HeldAttempt,
    files: Parameters<Grid['finish']>[1],
    outcome: TaskOutcome,
    parts: readonly string[],
  ): Promise<void> {
    const { db, blobs, grid } = this.#options;
    if (!(await grid.finish(held, files, outcome))) return;
    for (const key of parts) await blobs.remove(key);
    await deleteBlobs(db, parts);
  }

  /** @param place of the segment that was at fault, where one was. */
  async #fail(
    { spec }: NewAttempt,
    held: HeldAttempt,
    error: EdgeRunnerError,
    place: number | null,
  ): Promise<void> {
    const { db, grid, log } = this.#options;
    const { attempt, lease, job, kind, source } = held;
    log.warn({ attempt, job, code: error.code }, error.message);
    const record = error.toRecord();
    if (place === null)
      await grid.end({ attempt, lease, state: 'failed', error: record, retry: !isFinal(error.code) });
    else {
      const bad = await redoSegment(db, {
        ...{ joining: { attempt, lease }, job, source, place, error: record },
        kind: passOf(kind, passesOf(spec, source)),
      });
      for (const one of [attempt, ...(bad === null ? [] : [bad])])
        grid.discard({ job, attempt: one, state: 'returned' });
    }
  }
}

/** The pass over segments whose files are read. */
const passOf = (kind: TaskKind, passes: ReturnType<typeof passesOf>): 'process' | 'render' =>
  kind === 'stitch' && passes === 'find, follow, render' ? 'render' : 'process';
