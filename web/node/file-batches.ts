import { MOST_FILES, type WrittenFile } from '../../protocol/index.ts';

/** Characters of the files in one message; the largest single one, of 10,000 parts, has 700,000 of the 1,048,576. */
const MOST_CHARACTERS = 256 << 10;

/** Files in as few messages as they fit into; one without any when there are none. */
export function fileBatches(files: readonly WrittenFile[]): WrittenFile[][] {
  const batches: WrittenFile[][] = [[]];
  let characters = 0;
  for (const file of files) {
    const batch = batches.at(-1)!;
    const size = JSON.stringify(file).length + 1;
    if (batch.length > 0 && (batch.length === MOST_FILES || characters + size > MOST_CHARACTERS)) {
      batches.push([file]);
      characters = size;
    } else {
      batch.push(file);
      characters += size;
    }
  }
  return batches;
}
