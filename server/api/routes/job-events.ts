import type { Request, Response } from 'express';
import type { JobEvent, JobProgress } from '../../../protocol/index.ts';
import { Bell } from '../../bell.ts';
import type { DiskRoom } from '../../disk-room.ts';
import type { Hub } from '../../grid/hub.ts';
import type { Waiting } from '../../grid/waiting.ts';
import type { Database } from '../../store/database.ts';
import { getJob } from '../../store/jobs.ts';
import { eventsAfter } from '../../store/records.ts';
import { isGood } from '../../store/tenants.ts';
import { showEvent } from '../views.ts';

/** Events read at a time. */
const BATCH = 500;
/** Milliseconds between two signs of life: proxies end what is silent. Also how late a missed notice is made good. */
const BEAT = 5_000;

export interface Following {
  db: Database;
  hub: Hub;
  waits: Waiting;
  room: DiskRoom;
  tenant: string;
  /** Id of the token that it is for: the feed ends with it. */
  caller: string;
  job: string;
  /** Id of the last event that is known. */
  after: number;
  request: Request;
  response: Response;
}

/** Tells what happens to a job until it has ended and all is told, or until nobody listens any more. */
export async function followJob({
  db,
  hub,
  waits,
  room,
  tenant,
  caller,
  job,
  after,
  request,
  response,
}: Following): Promise<void> {
  const ndjson = request.accepts(['text/event-stream', 'application/x-ndjson']) === 'application/x-ndjson';
  response.set({
    'content-type': ndjson ? 'application/x-ndjson' : 'text/event-stream',
    'cache-control': 'no-store',
    // Nothing between us may hold it back.
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  const bell = new Bell();
  const unfollow = hub.follow(job, () => bell.ring());
  const beat = setInterval(() => {
    response.write(ndjson ? '\n' : ': alive\n\n');
    bell.ring();
  }, BEAT);
  response.on('close', () => bell.close());
  const tell = async (event: JobEvent) => {
    const line = JSON.stringify(event);
    const text = ndjson
      ? `${line}\n`
      : `${event.id === null ? '' : `id: ${event.id}\n`}event: ${event.type}\ndata: ${line}\n\n`;
    if (!response.write(text)) await drained(response);
  };
  try {
    let last = after;
    let told = '';
    while (!bell.closed) {
      // First where it stands, then what led there: once it has ended nothing is added.
      const now = await getJob(db, tenant, job);
      if (!now || !(await isGood(db, caller))) break;
      const events = await eventsAfter(db, job, last, BATCH);
      for (const event of events) {
        last = event.id;
        await tell(showEvent(event));
      }
      if (events.length === BATCH) continue;
      const { frames, expected: of, fps, done, total } = now;
      const ended = !['queued', 'running'].includes(now.state);
      const waiting = ended || now.running > 0 ? null : await waits.why(job);
      const problems = room.problem ? [room.problem] : [];
      const data: JobProgress = { frames, of, fps, done, total, waiting, problems };
      if (!ended && JSON.stringify(data) !== told) {
        told = JSON.stringify(data);
        await tell({
          ...{ id: null, at: new Date().toISOString(), type: 'progress', job, task: null, attempt: null },
          ...{ node: null, data },
        });
      }
      if (ended) break;
      await bell.rung();
    }
  } finally {
    clearInterval(beat);
    unfollow();
    response.end();
  }
}

const drained = (response: Response) =>
  new Promise<void>((resolve) => {
    response.once('drain', resolve);
    response.once('close', resolve);
  });
