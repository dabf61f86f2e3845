import type { Logger } from 'pino';
import type { BlobStore } from './blobs/store.ts';
import type { DiskRoom } from './disk-room.ts';
import type { FarmWatch } from './farm/watch.ts';
import type { Grid } from './grid/grid.ts';
import type { Hub } from './grid/hub.ts';
import type { Intervals } from './grid/intervals.ts';
import type { Metrics } from './metrics.ts';
import type { ModelShelf } from './models.ts';
import type { Signer } from './net/signer.ts';
import type { Reach } from './reach.ts';
import type { SourceReader } from './sources.ts';
import type { Stitcher } from './stitch/stitcher.ts';
import type { Database } from './store/database.ts';
import type { Streams } from './streams/streams.ts';
import type { Uploads } from './uploads.ts';

/** All that the routes of one server share. */
export interface Services {
  build: string;
  log: Logger;
  db: Database;
  blobs: BlobStore;
  grid: Grid;
  hub: Hub;
  signer: Signer;
  intervals: Intervals;
  models: ModelShelf;
  sources: SourceReader;
  uploads: Uploads;
  metrics: Metrics;
  room: DiskRoom;
  farm: FarmWatch;
  stitcher: Stitcher;
  reach: Reach;
  streams: Streams;
}
