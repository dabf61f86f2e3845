import type { NodeAttempt } from '../../../protocol/index.ts';
import { clock, duration } from '../shared/words.ts';
import { standingOf } from './attempts.ts';
import { Chip, More } from './parts.tsx';

/** What a node did last, and what came of it. */
export const LastAttempts = ({ attempts }: { attempts: readonly NodeAttempt[] }) => (
  <section class="stack tight" aria-labelledby="last">
    <h2 id="last">What it did last</h2>
    <div class="card table">
      <table>
        <caption class="hidden">Attempts of this node, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Job</th>
            <th scope="col">State</th>
            <th scope="col">Begun</th>
            <th scope="col">Took</th>
            <th scope="col">Frames</th>
          </tr>
        </thead>
        <tbody>
          {attempts.map((attempt) => (
            <Row key={attempt.id} attempt={attempt} />
          ))}
        </tbody>
      </table>
      {attempts.length === 0 && <p class="quiet empty">Nothing yet.</p>}
    </div>
  </section>
);

function Row({ attempt }: { attempt: NodeAttempt }) {
  const { job, title, task, n, startedAt, endedAt, frames, error } = attempt;
  return (
    <tr>
      <th scope="row">
        <a href={`#/jobs/${job}`}>{title || job}</a>
        <span class="quiet why">
          task {task + 1}, try {n}
        </span>
      </th>
      <td>
        <Chip {...standingOf(attempt)} />
        {error && <span class="quiet why">{error.message}</span>}
      </td>
      <More name="Begun">
        <time dateTime={startedAt}>{clock(startedAt)}</time>
      </More>
      <More name="Took">{endedAt && duration((Date.parse(endedAt) - Date.parse(startedAt)) / 1000)}</More>
      <More name="Frames">{frames}</More>
    </tr>
  );
}
