import { EdgeRunnerError, type EventLine, type FrameEvent } from '../../../protocol/index.ts';

/** Who was followed through a segment, frame by frame. */
export class Tracks {
  readonly #lines: AsyncIterator<EventLine>;

  constructor(lines: AsyncIterable<EventLine>) {
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /**
   * Asked for each frame, in their order.
   * @param frame its number in the whole source; null for one that is only warmed up with, of which nothing is known.
   * @throws {EdgeRunnerError} `segment-short` where the lines are of other frames.
   */
  async of(frame: number | null): Promise<FrameEvent | null> {
    if (frame === null) return { v: 1, type: 'frame', source: '', frame: -1, time: 0, detections: [] };
    while (true) {
      const next = await this.#lines.next();
      const line: EventLine | null = next.done ? null : next.value;
      if (line && line.type !== 'frame') continue;
      if (line?.frame === frame) return line;
      throw new EdgeRunnerError(
        'segment-short',
        `What was followed through the segment is of ${line ? `frame ${line.frame}` : 'fewer frames'}, not of frame ${frame}.`,
        'It is tried again; if that does not help, please report this with the source.',
      );
    }
  }
}
