import type { ErrorRecord } from '../../../protocol/index.ts';

interface NoticesProps {
  /** What was refused, or is over. */
  bad: readonly (ErrorRecord | null)[];
  /** What is wrong just now, and goes on by itself. */
  passing: readonly (ErrorRecord | null)[];
}

/** What is wrong, and what to do about it; each once. */
export function Notices({ bad, passing }: NoticesProps) {
  const once = new Map<string, { error: ErrorRecord; of: string }>();
  for (const error of passing) if (error) once.set(error.message, { error, of: '' });
  for (const error of bad) if (error) once.set(error.message, { error, of: 'bad' });
  return (
    <>
      {[...once.values()].map(({ error, of }) => (
        <div key={error.message} class={`notice ${of}`} role="alert">
          <p>
            <strong>{error.message}</strong>
          </p>
          <p>{error.remedy}</p>
        </div>
      ))}
    </>
  );
}
