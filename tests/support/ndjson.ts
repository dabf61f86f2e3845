import { readFileSync } from 'node:fs';
import type { EventLine, FrameEvent, SourceEvent, SummaryEvent } from '../../protocol/index.ts';

/** Every line must be an object of its own. */
export function parseLines<T>(text: string): T[] {
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new Error('the last line is not whole');
  return text
    .slice(0, -1)
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

export interface Events {
  sources: SourceEvent[];
  frames: FrameEvent[];
  summaries: SummaryEvent[];
  lines: EventLine[];
}

export function sortEvents(lines: EventLine[]): Events {
  return {
    sources: lines.filter((line) => line.type === 'source'),
    frames: lines.filter((line) => line.type === 'frame'),
    summaries: lines.filter((line) => line.type === 'summary'),
    lines,
  };
}

export const readEvents = (path: string): Events =>
  sortEvents(parseLines<EventLine>(readFileSync(path, 'utf8')));

/** Lines of `--json`, with the summary of a run that must have one. */
export function summaryOf(stdout: string): SummaryEvent & { output: string | null } {
  const lines = parseLines<{ type: string }>(stdout);
  const summary = lines.find(({ type }) => type === 'summary');
  if (!summary) throw new Error(`no summary in:\n${stdout.slice(-2000)}`);
  return summary as SummaryEvent & { output: string | null };
}
