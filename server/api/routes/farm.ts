import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { JOB_STATES } from '../../../protocol/index.ts';
import type { Services } from '../../services.ts';
import { isGood } from '../../store/tenants.ts';
import { type Route, route } from '../route.ts';

/** Milliseconds between two looks: no eye sees more of a table. */
const LOOK_MS = 1_000;
/** Looks after which something is sent though nothing is new: proxies end what is silent. */
const MOST_SILENT = 10;

const page = z.object({
  state: z.enum(JOB_STATES).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** `next` of the page before. */
  after: z.coerce.number().int().min(0).optional(),
});

/** The farm as it goes on, for a dashboard. */
export function farmRoutes({ db, farm, log }: Services): Route[] {
  return [
    route({
      ...{ method: 'get', path: '/v1/farm', name: 'watchFarm', access: 'read' },
      summary:
        'Nodes, a page of jobs and what they come to, as server-sent events: all at first, then what changes.',
      query: page,
      answer: { status: 200, type: 'text/event-stream' },
      handle: async ({ caller, query: { state, limit, after = null }, response }) => {
        const watcher = farm.watcher(caller.tenant, { filter: { state }, before: after, limit });
        const gone = new AbortController();
        response.on('close', () => gone.abort());
        // A refusal is an answer of its own: nothing is begun before the first look has come to something.
        let news = await watcher.news();
        response.set({
          'content-type': 'text/event-stream',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        });
        response.flushHeaders();
        let silent = 0;
        while (!gone.signal.aborted) {
          silent = news ? 0 : silent + 1;
          const text = news ? `event: farm\ndata: ${JSON.stringify(news)}\n\n` : ': alive\n\n';
          // Whoever does not read is told the rest when it does.
          if ((news || silent % MOST_SILENT === 0) && !response.write(text))
            await once(response, 'drain', { signal: gone.signal }).catch(() => {});
          await wait(LOOK_MS, null, { signal: gone.signal }).catch(() => {});
          if (gone.signal.aborted || !(await isGood(db, caller.id).catch(() => true))) break;
          news = await watcher.news().catch((error: unknown) => {
            log.warn({ err: error }, 'a look at the farm failed');
            return null;
          });
        }
        response.end();
      },
    }),
  ];
}
