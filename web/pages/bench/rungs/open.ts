import type { EncodedPacket } from 'mediabunny';
import type { LetterboxSpec } from '../../../../kernels/index.ts';
import type { DepthModel, DetectModel, ModelDescriptor } from '../../../../models/descriptor.ts';
import { modelFor } from '../../../../models/descriptor.ts';
import { RUNNER_PATHS } from '../../../../protocol/index.ts';
import { letterboxesOf } from '../../../engine/backend/letterboxes.ts';
import { copyPlanes, likeOf } from '../../../engine/cpu/planes.ts';
import type { LoadedModel } from '../../../engine/host.ts';
import { FrameLedger } from '../../../engine/pipeline/frame-ledger.ts';
import { Meter } from '../../../engine/pipeline/meter.ts';
import { Signal } from '../../../engine/pipeline/signal.ts';
import { decodeFrames } from '../../../engine/source/decode.ts';
import { MediaSource } from '../../../engine/source/media-source.ts';
import { loopbackBytes } from '../../runner/loopback-bytes.ts';
import type { RungRequest } from './request.ts';

/** What every rung starts from: the clip, its packets, its frames, the models. */

export async function openMedia({ origin, token }: RungRequest): Promise<MediaSource> {
  const url = new URL(RUNNER_PATHS.source('in'), origin);
  const bytes = loopbackBytes(url, { authorization: `Bearer ${token}` });
  return MediaSource.open('clip', { ...bytes, loss: async () => null });
}

/** All packets of a clip in memory, so that what follows is measured without the reading of them. */
export async function packetsOf(media: MediaSource): Promise<EncodedPacket[]> {
  const packets: EncodedPacket[] = [];
  for await (const packet of media.videoPackets()) packets.push(packet);
  return packets;
}

/** The packets over and over, each time later by the clip's length. */
export async function* looped(packets: EncodedPacket[]): AsyncGenerator<EncodedPacket> {
  const length = Math.max(...packets.map(({ timestamp, duration }) => timestamp + duration));
  for (let turn = 0; ; turn++) {
    for (const packet of packets) yield packet.clone({ timestamp: packet.timestamp + turn * length });
  }
}

/** Frames of looped packets, without end; leaving the loop closes what the decoder holds. */
export async function* framesOf(media: MediaSource, packets: EncodedPacket[]) {
  const closed = new Signal();
  const ledger = new FrameLedger(() => closed.notify());
  const frames = decodeFrames(looped(packets), {
    name: 'clip',
    config: media.video.config,
    ledger,
    closed,
    meter: new Meter(),
    encoded: false,
    cores: navigator.hardwareConcurrency,
    signal: new AbortController().signal,
    onDamage: (message) => {
      throw new Error(message);
    },
  });
  for await (const frame of frames) yield { frame, ledger };
}

/** One frame of the clip, the caller's to close. */
export async function someFrame(media: MediaSource): Promise<VideoFrame> {
  for await (const { frame, ledger } of framesOf(media, await packetsOf(media))) {
    const kept = frame.clone();
    ledger.close(frame);
    return kept;
  }
  throw new Error('the clip has no frame');
}

/** Planes of the clip's first frames, and what new frames take over from the first one. */
export async function somePlanes(media: MediaSource, wanted: number) {
  const planes: Awaited<ReturnType<typeof copyPlanes>>[] = [];
  let like: ReturnType<typeof likeOf> | null = null;
  for await (const { frame, ledger } of framesOf(media, await packetsOf(media))) {
    planes.push(await copyPlanes(frame));
    like ??= likeOf(frame);
    ledger.close(frame);
    if (planes.length === wanted) break;
  }
  if (!like) throw new Error('the clip has no frame');
  return { planes, like };
}

export interface RungModels {
  detect: LoadedModel<DetectModel> | null;
  depth: LoadedModel<DepthModel> | null;
}

export async function loadModels(request: RungRequest): Promise<RungModels> {
  const { detect, depth } = request;
  const load = async <T extends ModelDescriptor['task']>(task: T, name: string) => {
    const { descriptor, bytes } = await loadModel(request, name);
    return { descriptor: modelFor(task, descriptor), bytes };
  };
  return {
    detect: detect ? await load('detect', detect) : null,
    depth: depth ? await load('depth', depth) : null,
  };
}

async function loadModel({ origin, token }: RungRequest, name: string): Promise<LoadedModel> {
  const ask = (path: string) =>
    fetch(new URL(path, origin), { headers: { authorization: `Bearer ${token}` } });
  const descriptor = (await (await ask(RUNNER_PATHS.descriptor(name))).json()) as ModelDescriptor;
  return { descriptor, bytes: await (await ask(RUNNER_PATHS.model(name))).arrayBuffer() };
}

/** The distinct pictures that the models want. */
export const letterboxesFor = ({ detect, depth }: RungModels): LetterboxSpec[] =>
  letterboxesOf({
    detect: detect && { model: detect, options: { model: '', minScore: 0.3, iou: 0.65, every: 1 } },
    depth: depth && { model: depth, options: { model: '', every: 1 }, maps: false },
  }).specs;
