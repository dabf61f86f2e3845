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
  /** Frames to do, and how many of the first do not count. */
  frames: number;
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
  frames: number;
  seconds: number;
  /** Milliseconds since 1970. */
  began: number;
  ended: number;
  /** The file that it made, base64. */
  output: string;
  found: PageFound[][] | null;
}

export const fetchWith = (token: string, url: string): Promise<Response> =>
  fetch(url, { headers: { authorization: `Bearer ${token}` } });

/** Begins to count after the warm-up. */
export class Clock {
  readonly #warmUp: number;
  #done = 0;
  #began = 0;

  constructor(warmUp: number) {
    this.#warmUp = warmUp;
  }

  frame(): void {
    if (this.#done++ === this.#warmUp) this.#began = performance.now();
  }

  result(): Pick<PageResult, 'frames' | 'seconds' | 'began' | 'ended'> {
    const ended = performance.now();
    return {
      frames: this.#done - this.#warmUp - 1,
      seconds: (ended - this.#began) / 1000,
      began: performance.timeOrigin + this.#began,
      ended: performance.timeOrigin + ended,
    };
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
