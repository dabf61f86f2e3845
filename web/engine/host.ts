import type { Source, StreamTargetChunk } from 'mediabunny';
import type { ModelDescriptor } from '../../models/descriptor.ts';
import type { EventLine, SourceSpec } from '../../protocol/index.ts';

/**
 * What the engine asks of whoever runs it: the command's page, a node of the grid, somebody's own page. Bytes come in
 * and go out here and nowhere else; the engine itself opens no file and no address.
 */
export interface EngineHost {
  /** The bytes of a source of kind `upload` or `http`. */
  openSource(source: SourceSpec): Promise<SourceBytes>;
  /** One still picture of a `snapshots` source. */
  readPicture(source: SourceSpec, index: number): Promise<Blob>;
  /** A new file of an output; `name` is a plain file name. Its writes are positioned, its promises are back-pressure. */
  createFile(output: string, name: string): Promise<WritableStream<StreamTargetChunk>>;
  /** A model that the job names, checked by whoever holds it. */
  loadModel(name: string): Promise<LoadedModel>;
  /** Event lines of the frames of a segment, in their order, with the boxes that are to be drawn. */
  readTracks?(): AsyncIterable<EventLine>;
  /** Event lines in frame order. The promise is back-pressure. */
  emit(lines: EventLine[]): Promise<void>;
  /** Something worth telling the person who waits: a fallback taken, a bitrate chosen, a crop. */
  log(message: string): void;
  /** Called after each frame that left the pipeline. */
  progress(progress: Progress): void;
  /** Waited for before each frame: a host that gives only a share of its time holds the job here. */
  admit?(): Promise<unknown>;
  /** Each frame as it goes out, or as it came in where none goes out. It is the engine's: looked at, never kept. */
  preview?(frame: VideoFrame): void;
}

export interface SourceBytes {
  source: Source;
  /**
   * Bytes `[start, end)`, for the few looks that are not the demuxer's. Fewer where the source ends or breaks off;
   * those of a stream that have not come yet are waited for.
   */
  read(start: number, end: number): Promise<Uint8Array>;
  /** Bytes in all; null while nobody knows, which is until a stream has ended. */
  size(): Promise<number | null>;
  /** What the transport could not deliver, in words; null while nothing is missing. Asked after the last read. */
  loss(): Promise<string | null>;
}

export interface LoadedModel<T extends ModelDescriptor = ModelDescriptor> {
  descriptor: T;
  bytes: ArrayBuffer;
}

export interface Progress {
  source: string;
  /** Frames done, of this source. */
  frames: number;
  /** Frames expected, null where nobody knows. */
  of: number | null;
  /** `VideoFrame`s open now. */
  openFrames: number;
  /** Seconds of the source done, and expected. */
  time: number;
  duration: number | null;
}
