import type { BoxReport, MediaReport, TrackReport, VideoTrackReport } from './report.ts';
import { table } from './table.ts';

/** A report for people: a line for the file, one per fact of each track. */
export function humanReport(report: MediaReport): string {
  const facts: [string, string][] = [
    ['file', report.file],
    [
      'container',
      [
        report.container,
        ...(report.brands ? [`(${report.brands.map((brand) => brand.trim()).join(' ')})`] : []),
      ].join(' '),
    ],
    ['size', `${report.bytes} bytes`],
  ];
  if (report.picture) facts.push(['picture', `${report.picture.width}x${report.picture.height}`]);
  if (report.duration !== null) facts.push(['duration', seconds(report.duration)]);
  if (report.bitrate !== null) facts.push(['bitrate', kilobits(report.bitrate)]);
  if (report.layout) facts.push(['layout', layout(report.layout)]);
  const parts = [table(facts)];
  for (const track of report.tracks)
    parts.push(`track ${track.id}: ${track.kind}\n${indent(table(trackFacts(track)))}`);
  return parts.join('\n\n');
}

/** The tree of boxes: type, where it begins, how long it is. */
export function humanBoxes(boxes: readonly BoxReport[]): string {
  const rows: string[][] = [['BOX', 'START', 'BYTES']];
  const walk = (level: readonly BoxReport[], depth: number): void => {
    for (const box of level) {
      rows.push(['  '.repeat(depth) + box.type, String(box.start), String(box.bytes)]);
      walk(box.boxes ?? [], depth + 1);
    }
  };
  walk(boxes, 0);
  return table(rows);
}

function layout({ fastStart, fragmented, fragments, truncated }: NonNullable<MediaReport['layout']>): string {
  const index = fastStart ? 'index first (fast start)' : 'index last';
  const whole = fragmented ? `fragmented, ${fragments} fragments` : 'one piece';
  return [truncated ? 'TRUNCATED' : '', index, whole].filter(Boolean).join(', ');
}

function trackFacts(track: TrackReport): [string, string][] {
  const facts: [string, string][] = [['codec', track.codec ?? 'unknown']];
  if (track.kind === 'video') facts.push(...videoFacts(track));
  else if (track.kind === 'audio')
    facts.push(['sound', `${track.sampleRate} Hz, ${track.channels} channels, ${track.samples} packets`]);
  else facts.push(['handler', track.handler], ['samples', String(track.samples)]);
  facts.push(['duration', seconds(track.duration) + (track.start ? `, from ${seconds(track.start)}` : '')]);
  if (track.bitrate !== null) facts.push(['bitrate', kilobits(track.bitrate)]);
  if (track.language !== 'und') facts.push(['language', track.language]);
  for (const { duration, mediaTime, rate } of track.edits ?? []) {
    const what = mediaTime === null ? 'of nothing' : `of the media from ${seconds(mediaTime)} on`;
    facts.push(['edit', `${seconds(duration)} ${what}${rate === 1 ? '' : `, at ${rate}x`}`]);
  }
  return facts;
}

function videoFacts(track: VideoTrackReport): [string, string][] {
  const { width, height, displayWidth, displayHeight, rotation, flip, pixelAspect, color, keyframes } = track;
  const shown = [`shown as ${displayWidth}x${displayHeight}`];
  if (rotation) shown.push(`turned by ${rotation}°`);
  if (flip) shown.push('mirrored');
  if (pixelAspect[0] !== pixelAspect[1]) shown.push(`pixel aspect ${pixelAspect.join(':')}`);
  const plain = displayWidth === width && displayHeight === height && shown.length === 1;
  const facts: [string, string][] = [
    ['picture', `${width}x${height}${plain ? '' : `, ${shown.join(', ')}`}`],
  ];
  const rate = track.fps === null ? '' : `, ${Number(track.fps.toFixed(3))} per second`;
  facts.push([
    'frames',
    `${track.samples}${rate}, ${track.variableFrameRate ? 'variable' : 'constant'} rate`,
  ]);
  facts.push([
    'keyframes',
    `${keyframes.count}, at most ${keyframes.maxDistance} frames (${seconds(keyframes.maxSeconds)}) apart`,
  ]);
  if (color) {
    const range =
      color.fullRange === null ? 'range unknown' : `${color.fullRange ? 'full' : 'limited'} range`;
    facts.push(['colour', `${color.primaries} / ${color.transfer} / ${color.matrix}, ${range}`]);
  }
  return facts;
}

const seconds = (value: number): string => `${Number(value.toFixed(3))} s`;
const kilobits = (value: number): string => `${(value / 1000).toFixed(0)} kbit/s`;
const indent = (text: string): string => text.replace(/^/gm, '  ');
