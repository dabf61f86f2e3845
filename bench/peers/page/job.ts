import type { DetectModel } from '../../../models/descriptor.ts';

/** What a page that stands for other people's pages is asked to do. */
export interface PageJob {
  /** Addresses on the page's own server; those of the clip and the model want the token. */
  clip: string;
  model: string | null;
  token: string;
  /** Folder of onnxruntime-web's wasm files. */
  ort: string;
  descriptor: DetectModel | null;
  /** How long it is measured, and for how long before that it is not. Seconds. A conversion does the whole clip. */
  seconds: number;
  warmUp: number;
  bitrate: number;
  minScore: number;
  iou: number;
}

export interface PageFound {
  id: number;
  score: number;
  box: [number, number, number, number];
}

export interface PageResult {
  /** What was counted. */
  frames: number;
  seconds: number;
  /** The file that it made, base64. */
  output: string;
  found: PageFound[][] | null;
}

export const fetchWith = (token: string, url: string): Promise<Response> =>
  fetch(url, { headers: { authorization: `Bearer ${token}` } });

/** Counts frames and takes the time of those after the warm-up. */
export class Clock {
  readonly #job: PageJob;
  readonly #start = performance.now();
  #began: number | null = null;
  #ended = 0;
  #counted = 0;

  constructor(job: PageJob) {
    this.#job = job;
  }

  /** A frame is done. @returns whether that is enough. */
  frame(): boolean {
    const now = performance.now();
    if (this.#began === null) {
      if (now - this.#start >= this.#job.warmUp * 1000) this.#began = now;
    } else if (!this.enough) {
      this.#counted++;
      this.#ended = now;
    }
    return this.enough;
  }

  get enough(): boolean {
    return this.#began !== null && this.#ended - this.#began >= this.#job.seconds * 1000;
  }

  result(): Pick<PageResult, 'frames' | 'seconds'> {
    return { frames: this.#counted, seconds: (this.#ended - this.#began!) / 1000 };
  }
}

export async function base64(bytes: ArrayBuffer): Promise<string> {
  const reader = new FileReader();
  const url = await new Promise<string>((resolve) => {
    reader.onload = () => resolve(reader.result as string);
    reader.readAsDataURL(new Blob([bytes]));
  });
  return url.slice(url.indexOf(',') + 1);
}
