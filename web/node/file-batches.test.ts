import { expect, it } from 'vitest';
import { fromNode, MOST_MESSAGE_BYTES, type WrittenFile } from '../../protocol/index.ts';
import { fileBatches } from './file-batches.ts';

const file = (name: string, parts = 1): WrittenFile => ({
  ...{ output: 'depth-maps', name, bytes: 1, indexAtEnd: false },
  parts: Array.from({ length: parts }, () => 'a'.repeat(64)),
});

it.each([
  ['none', []],
  ['one', [file('a.mp4')]],
  ['a map for each frame of an hour', Array.from({ length: 90_000 }, (_, i) => file(`frame-${i}.png`))],
  ['the largest there may be, between others', [file('a'), file('large', 10_000), file('b')]],
])('%s: every file once, in its order, in messages that the server takes', (_what, files) => {
  const batches = fileBatches(files);
  expect(batches.flat()).toEqual(files);
  for (const [i, batch] of batches.entries()) {
    if (files.length > 0) expect(batch.length).toBeGreaterThan(0);
    const held = { attempt: `a_${'0'.repeat(20)}`, lease: 'l'.repeat(32) };
    const message =
      i < batches.length - 1
        ? { type: 'files', ...held, files: batch }
        : { type: 'result', ...held, files: batch, outcome: { frames: 1, seconds: 1, truncated: false } };
    expect(fromNode.safeParse(message).success).toBe(true);
    expect(JSON.stringify(message).length).toBeLessThan(MOST_MESSAGE_BYTES);
  }
});
