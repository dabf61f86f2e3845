import { describe, expect, it } from 'vitest';
import { codecStrings } from './codec-strings.ts';

const HD = { width: 1280, height: 720, fps: 30, bitrate: 3e6 };

describe('codec strings', () => {
  it('of H.264 offer High, Main and Baseline at the least level that holds the picture', () => {
    expect(codecStrings('h264', HD)).toEqual(['avc1.64001f', 'avc1.4d001f', 'avc1.42e01f']);
    expect(codecStrings('h264', { ...HD, fps: 60 })[0]).toBe('avc1.640020');
    expect(codecStrings('h264', { width: 1920, height: 1080, fps: 30, bitrate: 8e6 })[0]).toBe('avc1.640028');
    expect(codecStrings('h264', { width: 3840, height: 2160, fps: 30, bitrate: 20e6 })[0]).toBe(
      'avc1.640033',
    );
  });

  it('rise with the bitrate alone', () => {
    expect(codecStrings('h264', { ...HD, bitrate: 40e6 })[0]).toBe('avc1.64002a');
  });

  it('of the other codecs follow their own tables', () => {
    expect(codecStrings('vp9', HD)).toEqual(['vp09.00.31.08']);
    expect(codecStrings('av1', HD)).toEqual(['av01.0.05M.08']);
    expect(codecStrings('hevc', HD)).toEqual(['hvc1.1.6.L93.B0']);
    expect(codecStrings('vp8', HD)).toEqual(['vp8']);
  });

  it('of a picture beyond every level name the highest', () => {
    expect(codecStrings('h264', { width: 16384, height: 16384, fps: 120, bitrate: 1e9 })[0]).toBe(
      'avc1.64003e',
    );
  });
});
