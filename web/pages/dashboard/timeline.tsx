import type { JobDetail } from '../../../protocol/index.ts';
import { Scrolled } from '../shared/scrolled.tsx';
import { clock, duration } from '../shared/words.ts';
import { Chip } from './parts.tsx';
import { ATTEMPT_STANDINGS, type Standing } from './states.ts';

/** Lanes that are shown; the rest is told in a line. */
const MOST_LANES = 40;

type Attempt = JobDetail['taskList'][number]['attempts'][number] & { task: number; source: string };

/** The attempts of a job, a lane for each node, over time. */
export function Timeline({ job }: { job: JobDetail }) {
  const attempts = job.taskList.flatMap(({ ordinal, source, attempts: all }) =>
    all.map((attempt): Attempt => ({ ...attempt, task: ordinal, source })),
  );
  const begin = Math.min(...attempts.map(({ startedAt }) => Date.parse(startedAt)));
  const end = Math.max(
    begin + 1000,
    ...attempts.map(({ endedAt }) => (endedAt ? Date.parse(endedAt) : Date.now())),
  );
  const lanes = new Map<string, Attempt[]>();
  for (const attempt of attempts) {
    const node = attempt.node ?? 'a node that is gone';
    lanes.set(node, [...(lanes.get(node) ?? []), attempt]);
  }
  const place = (at: number) => (100 * (at - begin)) / (end - begin);
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
        {[...lanes].slice(0, MOST_LANES).map(([node, mine]) => (
          <li key={node}>
            <span class="lane-name">{node}</span>
            <span class="lane">
              {mine.map((attempt) => {
                const from = place(Date.parse(attempt.startedAt));
                const to = place(attempt.endedAt ? Date.parse(attempt.endedAt) : end);
                const { tone } = standingOf(attempt);
                return (
                  <span
                    key={attempt.id}
                    class={`attempt tone-${tone}`}
                    style={{ left: `${from}%`, width: `${Math.max(0.5, to - from)}%` }}
                    title={told(attempt)}
                  />
                );
              })}
            </span>
          </li>
        ))}
      </ul>
      {lanes.size > MOST_LANES && <p class="quiet">And {lanes.size - MOST_LANES} more nodes.</p>}
      {attempts.length > 0 && (
        <details>
          <summary>As a list</summary>
          <Scrolled label="Attempts as a list">
            <ul class="events number">
              {attempts.map((attempt) => (
                <li key={attempt.id}>
                  <Chip {...standingOf(attempt)} /> {told(attempt)}
                </li>
              ))}
            </ul>
          </Scrolled>
        </details>
      )}
    </section>
  );
}

const standingOf = ({ state }: Attempt): Standing => ATTEMPT_STANDINGS[state] ?? { tone: 'off', word: state };

function told(attempt: Attempt): string {
  const { task, source, n, node, startedAt, endedAt, frames, error } = attempt;
  const took = duration(((endedAt ? Date.parse(endedAt) : Date.now()) - Date.parse(startedAt)) / 1000);
  return [
    `task ${task + 1} (${source}), try ${n} on ${node ?? 'a node that is gone'}: ${standingOf(attempt).word}`,
    `from ${clock(startedAt)}, ${took}, ${frames} frames`,
    ...(error ? [`${error.message} ${error.remedy}`] : []),
  ].join('; ');
}
