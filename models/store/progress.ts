import cliProgress from 'cli-progress';

/** What the store does while its caller waits. Bytes count the whole file; `total` is null where no one says it. */
export type ModelProgress =
  | { kind: 'start'; name: string; url: string; received: number; total: number | null }
  | { kind: 'bytes'; name: string; received: number; total: number | null }
  | { kind: 'retry'; name: string; reason: string; delayMs: number }
  | { kind: 'damaged'; name: string; path: string }
  | { kind: 'pinned'; name: string; sha256: string }
  | { kind: 'done'; name: string; path: string; bytes: number };

export type ModelProgressListener = (progress: ModelProgress) => void;

/** Shows progress to a person: a bar on a terminal, plain lines elsewhere. `stream` is the standard error output. */
export function terminalProgress(stream: NodeJS.WriteStream): ModelProgressListener {
  return stream.isTTY ? barProgress(stream) : lineProgress(stream);
}

function lineProgress(stream: NodeJS.WritableStream): ModelProgressListener {
  return (progress) => {
    const line = sentence(progress);
    if (line) stream.write(`${line}\n`);
  };
}

function barProgress(stream: NodeJS.WriteStream): ModelProgressListener {
  let bar: cliProgress.SingleBar | null = null;
  const stop = () => {
    bar?.stop();
    bar = null;
  };
  return (progress) => {
    if (progress.kind === 'bytes') {
      bar?.setTotal(progress.total ?? progress.received);
      bar?.update(progress.received);
      return;
    }
    stop();
    if (progress.kind !== 'start') {
      stream.write(`${sentence(progress)}\n`);
      return;
    }
    bar = new cliProgress.SingleBar({
      stream,
      format: `${progress.name}  {bar}  {percentage} %  {value} of {total}  {eta_formatted}`,
      formatValue: (value, _options, type) =>
        type === 'value' || type === 'total' ? megabytes(value) : String(value),
      hideCursor: true,
      clearOnComplete: true,
      barsize: 30,
      barCompleteChar: '#',
      barIncompleteChar: '.',
    });
    bar.start(progress.total ?? progress.received, progress.received);
  };
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

function sentence(progress: ModelProgress): string | null {
  switch (progress.kind) {
    case 'start': {
      const size = progress.total === null ? '' : ` (${megabytes(progress.total)})`;
      const from = progress.received > 0 ? `, going on at ${megabytes(progress.received)}` : '';
      return `Downloading ${progress.name}${size} from ${progress.url}${from}`;
    }
    case 'bytes':
      return null;
    case 'retry':
      return `${progress.name}: ${progress.reason}; again in ${(progress.delayMs / 1000).toFixed(1)} s`;
    case 'damaged':
      return `${progress.path} is damaged and is fetched again`;
    case 'pinned':
      return `${progress.name}: its hash was not known; from now on it must be ${progress.sha256}`;
    case 'done':
      return `${progress.name}: ${megabytes(progress.bytes)} in ${progress.path}`;
  }
}
