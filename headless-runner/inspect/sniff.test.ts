import { describe, expect, it } from 'vitest';
import { checkInputFile, sniff } from './sniff.ts';

const bytes = (text: string, length = 0) => {
  const head = new Uint8Array(Math.max(length, text.length));
  for (let at = 0; at < text.length; at++) head[at] = text.charCodeAt(at);
  return head;
};

const packets = (size: number, first: number, count: number) => {
  const head = new Uint8Array(size * count).fill(7);
  for (let at = first; at < head.length; at += size) head[at] = 0x47;
  return head;
};

describe('sniff', () => {
  it.each([
    ['MP4', bytes('\0\0\0\x18ftypisom'), 'video', 'mp4'],
    ['old QuickTime', bytes('\0\0\0\x08wide\0\0\0\0mdat'), 'video', 'mp4'],
    ['a CMAF segment', bytes('\0\0\0\x18stypmsdh'), 'video', 'mp4'],
    ['Matroska and WebM', bytes('\x1a\x45\xdf\xa3'), 'video', 'matroska'],
    ['MPEG-TS', packets(188, 0, 21), 'video', 'mpegts'],
    ['MPEG-TS of a camera', packets(192, 4, 21), 'video', 'mpegts'],
    ['JPEG', bytes('\xff\xd8\xff\xe0'), 'picture', 'jpeg'],
    ['PNG', bytes('\x89PNG\r\n\x1a\n'), 'picture', 'png'],
    ['WebP', bytes('RIFF\0\0\0\0WEBPVP8 '), 'picture', 'webp'],
    ['GIF', bytes('GIF89a'), 'picture', 'gif'],
    ['AVIF', bytes('\0\0\0\x1cftypavif'), 'picture', 'avif'],
    ['WAV', bytes('RIFF\0\0\0\0WAVE'), 'audio', 'wav'],
  ])('knows %s by its first bytes', (_, head, kind, format) => {
    expect(sniff(head)).toEqual({ kind, format });
  });

  it.each([
    ['text', bytes('Good morning')],
    ['text that begins like a transport stream', bytes('Good morning, '.repeat(40))],
    ['zeroes', new Uint8Array(4096)],
    ['HEIC', bytes('\0\0\0\x18ftypheic')],
    ['AVI', bytes('RIFF\0\0\0\0AVI LIST')],
    ['three bytes', bytes('\0\0\0')],
  ])('does not take %s for media', (_, head) => {
    expect(sniff(head)).toBeNull();
  });
});

describe('checkInputFile', () => {
  it('sends what is no plain file to standard input', async () => {
    await expect(checkInputFile('/dev/null')).rejects.toMatchObject({ code: 'input-unreadable' });
  });

  it('says input-missing for a path through a file', async () => {
    await expect(checkInputFile('package.json/clip.mp4')).rejects.toMatchObject({ code: 'input-missing' });
  });
});
