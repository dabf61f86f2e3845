import { bytes } from '../shared/words.ts';

/** Of an answer so much is shown. */
const MOST_SHOWN = 100_000;
/** Milliseconds after which a stream of events has shown what it looks like. */
const STREAM_MS = 10_000;

/** What came, as it is shown. */
export interface Answer {
  text: string;
  /** What is no text, to be saved: an address of this page's, which is the caller's to revoke, and a name. */
  file?: string;
  name?: string;
}

export async function read(response: Response): Promise<Answer> {
  const status = `${response.status} ${response.statusText}`;
  const type = response.headers.get('content-type') ?? '';
  if (type === '' || /^text\/|json|xml|javascript/.test(type))
    return { text: `${status}\n\n${await readSome(response, type)}` };
  const blob = await response.blob();
  return {
    text: `${status}\n\n${bytes(blob.size)} of ${type}`,
    file: URL.createObjectURL(blob),
    name: nameOf(response),
  };
}

/** As the server calls it, or else as its address does. */
function nameOf(response: Response): string {
  const said = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get('content-disposition') ?? '')?.[1];
  return decodeURIComponent(said ?? new URL(response.url).pathname.split('/').at(-1)!) || 'answer';
}

/** The beginning of what comes; a stream that goes on is left after a while. */
async function readSome(response: Response, type: string): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return '';
  let text = '';
  let late: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<{ done: true; value: undefined }>((resolve) => {
    late = setTimeout(() => resolve({ done: true, value: undefined }), STREAM_MS);
  });
  for (;;) {
    const { done, value } = await Promise.race([reader.read(), patience]);
    if (done || text.length > MOST_SHOWN) break;
    text += value;
  }
  clearTimeout(late);
  void reader.cancel();
  if (!/json/.test(type)) return text.slice(0, MOST_SHOWN);
  try {
    return JSON.stringify(JSON.parse(text), null, 2).slice(0, MOST_SHOWN);
  } catch {
    return text.slice(0, MOST_SHOWN);
  }
}
