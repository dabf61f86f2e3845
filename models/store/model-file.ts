import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { EdgeRunnerError } from '../../protocol/errors.ts';
import { type OnnxHeader, readOnnxHeader } from '../onnx-header.ts';

/** A model file that was read whole: what it is, not what it may be used for. */
export interface CheckedFile {
  path: string;
  /** Base name, for people. */
  name: string;
  bytes: number;
  /** Lower-case hexadecimal. */
  sha256: string;
  header: OnnxHeader;
}

/** One protobuf message cannot be larger than this, so no single-file ONNX model is. */
export const MAX_MODEL_BYTES = 2 ** 31 - 1;

/**
 * Reads, hashes and checks a model file.
 * @param accepted hashes it may have; null when any will do.
 * @param label what to call it in sentences.
 * @throws {EdgeRunnerError} `model-hash` (checked first: a wrong file is not looked into), `model-invalid`,
 *   `model-unknown` when there is no such file.
 */
export async function checkModelFile(
  path: string,
  accepted: readonly string[] | null = null,
  label = path,
): Promise<CheckedFile> {
  const size = await fileBytes(path);
  if (size === null) throw notThere(path);
  if (size > MAX_MODEL_BYTES)
    throw new EdgeRunnerError(
      'model-invalid',
      `${label} is larger than an ONNX file can be (2 GiB).`,
      'Give the path of an .onnx file that holds its weights.',
    );
  const content = await readFile(path);
  const sha256 = createHash('sha256').update(content).digest('hex');
  if (accepted && !accepted.includes(sha256)) throw wrongHash(label, accepted, sha256);
  try {
    return { path, name: basename(path), bytes: content.length, sha256, header: readOnnxHeader(content) };
  } catch (error) {
    if (!(error instanceof EdgeRunnerError)) throw error;
    throw new EdgeRunnerError(error.code, `${label}: ${error.message}`, error.remedy, { cause: error });
  }
}

/** Size of a plain file; null when there is none. */
export const fileBytes = (path: string): Promise<number | null> =>
  stat(path).then(
    (found) => (found.isFile() ? found.size : null),
    () => null,
  );

const wrongHash = (label: string, accepted: readonly string[], found: string) =>
  new EdgeRunnerError(
    'model-hash',
    `${label} is not the file that its name stands for: expected sha256 ${accepted.join(' or ')}, found ${found}.`,
    'Delete or rename it to have the right one fetched; a model of your own is given by its path or by `edge-runner models add`.',
  );

const notThere = (path: string) =>
  new EdgeRunnerError(
    'model-unknown',
    `${path} is no file.`,
    'Give the path of an .onnx file, or a name that `edge-runner models list` shows.',
  );
