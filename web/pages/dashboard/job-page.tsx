import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ErrorRecord, JobDetail, JobEvent, JobProgress } from '../../../protocol/index.ts';
import { ask } from '../shared/ask.ts';
import { Scrolled } from '../shared/scrolled.tsx';
import { clock, duration } from '../shared/words.ts';
import { eventWords, givenUp } from './attempts.ts';
import { farm } from './farm.ts';
import { mayChange, paceOf, progressOf, shareOf } from './jobs.tsx';
import { Action, Bar, Chip, Refusal } from './parts.tsx';
import { Reader } from './reader.ts';
import { Results } from './results.tsx';
import { attempt } from './session.ts';
import { standingOfJob } from './states.ts';
import { type Channel, stream } from './stream.ts';
import { Timeline } from './timeline.tsx';

/** Milliseconds between two readings of a job that goes on: its events may come by the hundred. */
const READ_MS = 1_000;
/** Events that are shown, the last ones. */
const SHOWN = 200;

/** One job: how far it is, on which nodes, what happened, what came of it. */
export function JobPage({ id }: { id: string }) {
  const job = useSignal<JobDetail | null>(null);
  const events = useSignal<readonly JobEvent[]>([]);
  const waiting = useSignal<string | null>(null);
  const error = useSignal<ErrorRecord | null>(null);
  /** How often it was taken up again from here. */
  const round = useSignal(0);
  useEffect(() => {
    let last = 0;
    let over = false;
    events.value = [];
    const reader = new Reader(async () => {
      error.value = await attempt(async () => {
        job.value = await ask<JobDetail>('GET', `/v1/jobs/${id}`);
      });
      if (error.value?.code === 'not-found') farm.watch();
    }, READ_MS);
    const channel: Channel = {
      address: () => `/v1/jobs/${id}/events?after=${last}`,
      types: EVENTS,
      hear: ({ data }) => {
        const event = JSON.parse(data) as JobEvent;
        if (event.type === 'progress') {
          const progress = event.data as JobProgress;
          waiting.value = progress.waiting;
          farm.warn(progress.problems);
        } else {
          last = event.id ?? last;
          if (event.type.startsWith('job.')) over = event.type !== 'job.queued';
          events.value = [...events.value, event].slice(-SHOWN);
        }
        reader.changed();
      },
      ended: () => {
        reader.changed();
        // All of it is told: what else happens is the farm's.
        if (over) farm.watch();
      },
    };
    reader.changed();
    stream.follow(channel);
    return () => {
      reader.stop();
      stream.leave(channel);
    };
  }, [id, round.value]);
  if (error.value && !job.value) return <Refusal error={error.value} />;
  if (!job.value) return <p class="quiet">Loading…</p>;
  return (
    <Job
      job={job.value}
      events={events.value}
      waiting={waiting.value}
      again={() => {
        round.value++;
      }}
    />
  );
}

const EVENTS = [
  ...['progress', 'job.queued', 'job.done', 'job.failed', 'job.cancelled'],
  ...[
    'attempt.offered',
    'attempt.log',
    'task.queued',
    'task.leased',
    'task.done',
    'task.failed',
    'task.dead',
  ],
];

const isOpen = ({ state }: JobDetail): boolean => state === 'queued' || state === 'running';

function Job({
  job,
  events,
  waiting,
  again,
}: {
  job: JobDetail;
  events: readonly JobEvent[];
  waiting: string | null;
  again(): void;
}) {
  const open = isOpen(job);
  const standing = standingOfJob(job);
  const wordsOf = eventWords(job);
  return (
    <>
      <div class="row spread">
        <h1>{job.title || job.id}</h1>
        {mayChange() && (
          <span class="row">
            {open && <Action work={() => ask('POST', `/v1/jobs/${job.id}/cancel`)}>Cancel</Action>}
            {(job.state === 'failed' || job.state === 'cancelled') && (
              <Action work={() => ask('POST', `/v1/jobs/${job.id}/retry`).then(again)}>Try again</Action>
            )}
            {!open && (
              <Action
                class="small bad"
                sure="Forget this job, with its files?"
                work={async () => {
                  await ask('DELETE', `/v1/jobs/${job.id}`);
                  location.hash = '#/';
                }}
              >
                Delete
              </Action>
            )}
          </span>
        )}
      </div>
      {job.error && <Failure job={job} error={job.error} />}
      {open && waiting && (
        <p class="notice" role="status">
          It waits: {waiting}.
        </p>
      )}
      <section class="card stack tight" aria-label="Progress">
        <div class="row spread">
          <Chip {...standing} />
          <span class="number">{[progressOf(job), ...paceOf(job)].join(', ')}</span>
        </div>
        <Bar share={shareOf(job)} label="Progress" tone={standing.tone} />
        <dl class="facts">
          <dt>Asked for</dt>
          <dd>{wishOf(job)}</dd>
          <dt>Made</dt>
          <dd class="number">{clock(job.createdAt)}</dd>
          {job.startedAt && (
            <>
              <dt>Took</dt>
              <dd class="number">
                {duration(
                  (Date.parse(job.endedAt ?? new Date().toISOString()) - Date.parse(job.startedAt)) / 1000,
                )}
                {', after a wait of '}
                {duration((Date.parse(job.startedAt) - Date.parse(job.createdAt)) / 1000)}
              </dd>
            </>
          )}
          <dt>Id</dt>
          <dd class="code">{job.id}</dd>
        </dl>
      </section>
      {job.files.length > 0 && <Results files={job.files} outputs={job.spec.outputs} />}
      <Timeline job={job} />
      <section class="card stack tight" aria-labelledby="events">
        <h2 id="events">What happened</h2>
        <Scrolled label="Events">
          <ol class="events number">
            {[...events].reverse().map((event) => (
              <li key={event.id}>
                <time dateTime={event.at}>{clock(event.at)}</time> {wordsOf(event)}
              </li>
            ))}
          </ol>
        </Scrolled>
      </section>
    </>
  );
}

function Failure({ job, error }: { job: JobDetail; error: ErrorRecord }) {
  const tries = givenUp(job);
  return (
    <Refusal error={tries ? { ...error, message: `${tries} The last one said: ${error.message}` } : error} />
  );
}

function wishOf({ spec }: JobDetail): string {
  const stages = [...new Set(spec.stages.map(({ kind }) => kind))];
  const outputs = [...new Set(spec.outputs.map(({ kind }) => kind))];
  return `${stages.length > 0 ? stages.join(', ') : 'no analysis'}; ${outputs.join(', ')}`;
}
