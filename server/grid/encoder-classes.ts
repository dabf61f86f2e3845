import { type Codec, type JobSpec, USUAL_CODECS, type VideoOutputSpec } from '../../protocol/index.ts';
import { type Capable, canDo, speedOf, type TaskNeeds } from './needs.ts';

/** Codecs whose packets do not go into one track where unlike encoders wrote them. */
const STRICT: readonly Codec[] = ['hevc', 'av1'];

/** Codec and class of encoders for the segments of a source: what its nodes can do, the most frames a second first. */
export function chooseEncoders(
  spec: JobSpec,
  video: VideoOutputSpec | undefined,
  needs: TaskNeeds,
  nodes: Iterable<Capable>,
): Pick<TaskNeeds, 'encode' | 'encoderClass'> {
  if (!video) return { encode: null, encoderClass: null };
  const all = [...nodes];
  const able = (codec: Codec) =>
    all.filter((node) => canDo(node, { ...needs, encode: codec, encoderClass: null }));
  const codecs = video.codec ? [video.codec] : USUAL_CODECS[video.container];
  // Segments of one video have one codec, also where each node could choose its own.
  const encode = codecs.find((codec) => able(codec).length > 0) ?? codecs[0]!;
  const wanted = spec.placement.encoderClass;
  const isStrict = STRICT.includes(encode);
  if (wanted !== 'one' && wanted !== 'any') return { encode, encoderClass: { name: wanted, isStrict: true } };
  if (wanted === 'any' && !isStrict) return { encode, encoderClass: null };
  const speeds = new Map<string, number>();
  for (const node of able(encode)) {
    const name = node.capabilities?.encoderClasses[encode];
    // One that nobody has measured is there all the same.
    if (name) speeds.set(name, (speeds.get(name) ?? 0) + (speedOf(node, needs) ?? 1));
  }
  const [fastest] = [...speeds].sort(([, a], [, b]) => b - a);
  return { encode, encoderClass: fastest ? { name: fastest[0], isStrict } : null };
}

/** What a class is called where people read of it. */
export const nameOfClass = ({ encode, encoderClass }: TaskNeeds): string =>
  `${encode} encoders of class ${encoderClass?.name}`;
