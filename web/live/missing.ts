import type { ErrorRecord } from '../../protocol/index.ts';

/** Parts of a browser that a page may do without, and what it is for. */
const PARTS = {
  live: [
    ['WebCodecs (VideoFrame)', () => typeof VideoFrame !== 'undefined'],
    ['OffscreenCanvas', () => typeof OffscreenCanvas !== 'undefined'],
  ],
  camera: [['getUserMedia', () => navigator.mediaDevices?.getUserMedia !== undefined]],
  sound: [['Web Audio (AudioContext)', () => typeof AudioContext !== 'undefined']],
  screen: [['getDisplayMedia', () => navigator.mediaDevices?.getDisplayMedia !== undefined]],
  connection: [['WebRTC (RTCPeerConnection)', () => typeof RTCPeerConnection !== 'undefined']],
  recording: [['WebCodecs (VideoEncoder)', () => typeof VideoEncoder !== 'undefined']],
} as const satisfies Record<string, readonly (readonly [string, () => boolean])[]>;

const STILL_WORKS: Record<keyof typeof PARTS, string> = {
  live: 'Video is shown as it is, and not processed',
  camera: 'Files, streams and the street still work',
  sound: 'The picture comes without its sound',
  screen: 'Cameras, files and streams still work',
  connection: 'Cameras, files and HLS still work; nothing can be sent',
  recording: 'Everything but recording still works',
};

/** What the browser lacks for something, and what works without it; null when it lacks nothing. */
export function missingFor(what: keyof typeof PARTS): ErrorRecord | null {
  const missing = PARTS[what].filter(([, has]) => !has()).map(([name]) => name);
  if (missing.length === 0) return null;
  const list = missing.join(' and no ');
  return globalThis.isSecureContext
    ? {
        code: 'browser-lacks',
        message: `This browser has no ${list}. ${STILL_WORKS[what]}.`,
        remedy: 'Take a current Chrome, Edge or Safari for the rest.',
      }
    : {
        code: 'browser-lacks',
        message: `This page is no secure context (plain http from another machine), so the browser gives it no ${list}. ${STILL_WORKS[what]}.`,
        remedy: 'Open it over https, or on the machine itself from localhost.',
      };
}
