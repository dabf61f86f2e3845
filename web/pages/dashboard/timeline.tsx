import type { JobDetail } from '../../../protocol/index.ts';
import { Scrolled } from '../shared/scrolled.tsx';
import { clock, duration } from '../shared/words.ts';
import { lanesOf, rowsOf, shortName, standingOf, taskNames, told } from './attempts.ts';
import { Chip } from './parts.tsx';

/** Lanes that are shown; the rest is told in a line. */
const MOST_LANES = 40;

/** The attempts of a job, a lane for each node, over time. */
export function Timeline({ job }: { job: JobDetail }) {
  const lanes = lanesOf(job).map((lane) => ({ ...lane, rows: rowsOf(lane.attempts) }));
  const names = taskNames(job);
  const attempts = lanes.flatMap((lane) => lane.attempts);
  const begin = Math.min(...attempts.map(({ startedAt }) => Date.parse(startedAt)));
  const end = Math.max(
    begin + 1000,
    ...attempts.map(({ endedAt }) => (endedAt ? Date.parse(endedAt) : Date.now())),
  );
  const place = (at: number) => (100 * (at - begin)) / (end - begin);
  const several = job.taskList.length > 1;
  return (
    <section class="card stack tight" aria-labelledby="attempts">
      <div class="row spread">
        <h2 id="attempts">Attempts</h2>
        {attempts.length > 0 && (
          <span class="quiet number">
            {clock(new Date(begin).toISOString())}, {duration((end - begin) / 1000)}
          </span>
        )}
      </div>
      {attempts.length === 0 && <p class="quiet">No node has had it yet.</p>}
      <ul class="lanes">
        {lanes.slice(0, MOST_LANES).map(({ node, name, attempts: mine, rows }) => (
          <li key={node}>
            <span class="lane-name" title={name}>
              {node ? <a href={`#/nodes/${node}`}>{name}</a> : name}
            </span>
            <span class="lane" style={{ '--rows': Math.max(1, ...rows.map((row) => row + 1)) }}>
              {mine.map((attempt, i) => {
                const from = place(Date.parse(attempt.startedAt));
                const to = place(attempt.endedAt ? Date.parse(attempt.endedAt) : end);
                const { tone } = standingOf(attempt);
                return (
                  <span
                    key={attempt.id}
                    class={`attempt tone-${tone}`}
                    style={{ left: `${from}%`, width: `${Math.max(0.5, to - from)}%`, '--row': rows[i]! }}
                    title={told(attempt, name, names(attempt.task))}
                  >
                    {several && shortName(attempt.task)}
                  </span>
                );
              })}
            </span>
          </li>
        ))}
      </ul>
      {lanes.length > MOST_LANES && <p class="quiet">And {lanes.length - MOST_LANES} more nodes.</p>}
      {attempts.length > 0 && (
        <details>
          <summary>As a list</summary>
          <Scrolled label="Attempts as a list">
            <ul class="events number">
              {lanes.flatMap(({ name, attempts: mine }) =>
                mine.map((attempt) => (
                  <li key={attempt.id}>
                    <Chip {...standingOf(attempt)} /> {told(attempt, name, names(attempt.task))}
                  </li>
                )),
              )}
            </ul>
          </Scrolled>
        </details>
      )}
    </section>
  );
}
