import type { Signal } from '@preact/signals';
import { JOB_STATES, type JobState, type JobView } from '../../../protocol/index.ts';
import { ask } from '../shared/ask.ts';
import { clock, duration, rate } from '../shared/words.ts';
import { farm } from './farm.ts';
import { Action, Bar, Chip, More } from './parts.tsx';
import { session } from './session.ts';
import { JOB_STANDINGS, standingOfJob } from './states.ts';

export const mayChange = (): boolean => session.value?.scope === 'admin' || session.value?.scope === 'submit';

/** Of those that ended the server counts the last day's; the list has all of them. */
const isEnd = (state: JobState): boolean => state !== 'queued' && state !== 'running';

/** A page of jobs, newest first, with what each has come to. */
export function JobTable() {
  const { jobs, next, page, counts } = farm;
  const { state, after, newer } = page.value;
  return (
    <section class="stack tight" aria-labelledby="jobs">
      <div class="row spread">
        <h2 id="jobs">Jobs</h2>
        <label class="row">
          <span>Show</span>
          <select
            value={state ?? ''}
            onChange={({ currentTarget }) =>
              farm.look({ state: (currentTarget.value || null) as JobState | null, after: null, newer: [] })
            }
          >
            <option value="">all</option>
            {JOB_STATES.map((one) => (
              <option key={one} value={one}>
                {JOB_STANDINGS[one].word}
                {counts.value ? ` (${counts.value[one]}${isEnd(one) ? ' in 24 h' : ''})` : ''}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div class="card table">
        <table>
          <caption class="hidden">Jobs, newest first</caption>
          <thead>
            <tr>
              <th scope="col">Job</th>
              <th scope="col">State</th>
              <th scope="col">Progress</th>
              <th scope="col">Frames/s</th>
              <th scope="col">Left</th>
              <th scope="col">Made</th>
              <th scope="col">
                <span class="hidden">What can be done</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {jobs.value.map((job) => (
              <Row key={job.peek().id} job={job} />
            ))}
          </tbody>
        </table>
        {jobs.value.length === 0 && (
          <p class="quiet empty">
            {!farm.loaded.value ? (
              'Loading…'
            ) : state || after ? (
              'No job is like that.'
            ) : (
              <>
                No job yet: <code>edge-runner submit {location.origin} clip.mp4 --detect -o out.mp4</code>{' '}
                makes one.
              </>
            )}
          </p>
        )}
      </div>
      {(after || next.value) && (
        <nav class="row" aria-label="Pages of jobs">
          <button
            type="button"
            disabled={!after}
            onClick={() => farm.look({ state, after: null, newer: [] })}
          >
            Newest
          </button>
          <button
            type="button"
            disabled={newer.length === 0}
            onClick={() => farm.look({ state, after: newer[0]!, newer: newer.slice(1) })}
          >
            Newer
          </button>
          <button
            type="button"
            disabled={!next.value}
            onClick={() => farm.look({ state, after: next.value, newer: [after, ...newer] })}
          >
            Older
          </button>
        </nav>
      )}
    </section>
  );
}

function Row({ job: signal }: { job: Signal<JobView> }) {
  const job = signal.value;
  const open = job.state === 'queued' || job.state === 'running';
  const standing = standingOfJob(job);
  return (
    <tr>
      <th scope="row">
        <a href={`#/jobs/${job.id}`}>{job.title || job.id}</a>
      </th>
      <td>
        <Chip {...standing} />
        {job.error && <span class="quiet why"> {job.error.message}</span>}
      </td>
      <td class="whole">
        <Bar share={shareOf(job)} label={`Progress of ${job.title}`} tone={standing.tone} />
        <span class="quiet number">{progressOf(job)}</span>
      </td>
      <More name="Frames/s">{job.tasks.running > 0 ? rate(job.fps) : null}</More>
      <More name="Left">{leftOf(job)}</More>
      <More name="Made">
        <time dateTime={job.createdAt}>{clock(job.createdAt)}</time>
      </More>
      <td class="do">
        {open && mayChange() && (
          <Action work={() => ask('POST', `/v1/jobs/${job.id}/cancel`)} label={`Cancel ${job.title}`}>
            Cancel
          </Action>
        )}
        {(job.state === 'failed' || job.state === 'cancelled') && mayChange() && (
          <Action work={() => ask('POST', `/v1/jobs/${job.id}/retry`)} label={`Try again: ${job.title}`}>
            Try again
          </Action>
        )}
      </td>
    </tr>
  );
}

/** 0 to 1; null where nobody knows how much there is to do. */
export function shareOf({ state, frames, of, tasks }: JobView): number | null {
  if (state === 'done') return 1;
  if (of) return Math.min(1, frames / of);
  return tasks.total > 1 ? tasks.done / tasks.total : null;
}

export const progressOf = ({ frames, of, tasks }: JobView): string =>
  [
    of === null ? `${frames} frames` : `${frames} of ${of} frames`,
    ...(tasks.total > 1 ? [`${tasks.done} of ${tasks.total} tasks`] : []),
  ].join(', ');

/** Null where nobody knows. */
export const leftOf = ({ state, frames, of, fps }: JobView): string | null =>
  state === 'running' && of !== null && fps > 0 ? duration((of - frames) / fps) : null;

/** How fast it goes, and for how long it will, as far as that is known. */
export const paceOf = (job: JobView): string[] => {
  const left = leftOf(job);
  return [
    ...(job.tasks.running > 0 && job.fps > 0 ? [`${rate(job.fps)} a second`] : []),
    ...(left ? [`${left} left`] : []),
  ];
};
