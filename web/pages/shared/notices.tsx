import type { ErrorRecord } from '../../../protocol/index.ts';

interface NoticesProps {
  /** What was refused, or is over. */
  bad: readonly (ErrorRecord | null)[];
  /** What is wrong just now, and goes on by itself. */
  passing: readonly (ErrorRecord | null)[];
}

/** What is wrong, and what to do about it; each once. */
export const Notices = ({ bad, passing }: NoticesProps) => (
  <>
    {[...bad.map((error) => ({ error, of: 'bad' })), ...passing.map((error) => ({ error, of: '' }))].map(
      ({ error, of }) =>
        error && (
          <div key={error.message} class={`notice ${of}`} role="alert">
            <p>
              <strong>{error.message}</strong>
            </p>
            <p>{error.remedy}</p>
          </div>
        ),
    )}
  </>
);
