import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type {
  EdgeRunnerError,
  ErrorRecord,
  JobDetail,
  JobEvent,
  JobProgress,
} from '../../../protocol/index.ts';
import { ask } from '../shared/ask.ts';
import { Scrolled } from '../shared/scrolled.tsx';
import { clock, duration, rate } from '../shared/words.ts';
import { leftOf, mayChange, progressOf, shareOf } from './jobs.tsx';
import { Action, Bar, Chip, Refusal } from './parts.tsx';
import { Results } from './results.tsx';
import { attempt } from './session.ts';
import { JOB_STANDINGS } from './states.ts';
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
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stale = false;
    const read = async () => {
      stale = false;
      error.value = await attempt(async () => {
        job.value = await ask<JobDetail>('GET', `/v1/jobs/${id}`);
      });
      timer = setTimeout(() => {
        timer = undefined;
        if (stale) void read();
      }, READ_MS);
    };
    const changed = () => {
      stale = true;
      if (timer === undefined) void read();
    };
    void read();
    const source = new EventSource(`/v1/jobs/${id}/events`);
    const hear = ({ data }: MessageEvent<string>) => {
      const event = JSON.parse(data) as JobEvent;
      if (event.type === 'progress') waiting.value = (event.data as JobProgress).waiting;
      else events.value = [...events.value, event].slice(-SHOWN);
      changed();
    };
    for (const type of EVENTS) source.addEventListener(type, hear);
    // It ends when the job has; only one that may go on is worth another connection.
    source.onerror = () => {
      if (job.peek() && !isOpen(job.peek()!)) source.close();
      changed();
    };
    return () => {
      source.close();
      clearTimeout(timer);
    };
  }, [id]);
  if (error.value && !job.value) return <Refusal error={error.value} />;
  if (!job.value) return <p class="quiet">Loading…</p>;
  return <Job job={job.value} events={events.value} waiting={waiting.value} />;
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
}: {
  job: JobDetail;
  events: readonly JobEvent[];
  waiting: string | null;
}) {
  const open = isOpen(job);
  const again = () => location.reload();
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
      {job.error && <Refusal error={job.error} />}
      {open && waiting && (
        <p class="notice" role="status">
          It waits: {waiting}.
        </p>
      )}
      <section class="card stack tight" aria-label="Progress">
        <div class="row spread">
          <Chip {...JOB_STANDINGS[job.state]} />
          <span class="number">
            {progressOf(job)}
            {job.state === 'running' ? `, ${rate(job.fps)} a second, ${leftOf(job)} left` : ''}
          </span>
        </div>
        <Bar share={shareOf(job)} label="Progress" tone={JOB_STANDINGS[job.state].tone} />
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
      {job.files.length > 0 && <Results files={job.files} />}
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

function wishOf({ spec }: JobDetail): string {
  const stages = [...new Set(spec.stages.map(({ kind }) => kind))];
  const outputs = [...new Set(spec.outputs.map(({ kind }) => kind))];
  return `${stages.length > 0 ? stages.join(', ') : 'no analysis'}; ${outputs.join(', ')}`;
}

const WORDS: Record<string, string> = {
  'job.queued': 'The job waits for a node.',
  'job.done': 'The job is done.',
  'job.failed': 'The job failed.',
  'job.cancelled': 'The job was cancelled.',
  'attempt.offered': 'offered to a node',
  'task.queued': 'waits for another try',
  'task.done': 'done',
  'task.failed': 'failed',
  'task.dead': 'given up',
};

function wordsOf({ type, task, data }: JobEvent): string {
  const of = task === null ? '' : `Task ${task + 1}: `;
  const error = data.error as Pick<EdgeRunnerError, 'message'> | null | undefined;
  const what = type === 'attempt.log' ? `${data.message}` : (WORDS[type] ?? type);
  return `${of}${what}${error ? ` (${error.message})` : ''}`;
}
