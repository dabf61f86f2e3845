import { expect, it } from 'vitest';
import { isSdp } from '../../../protocol/index.ts';
import { withBetterStart } from './start-bitrate.ts';

const sdp = [
  ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111'],
  ...['a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10', 'm=video 9 UDP/TLS/RTP/SAVPF 96 97 102'],
  ...['a=rtpmap:96 VP8/90000', 'a=rtpmap:97 rtx/90000', 'a=fmtp:97 apt=96', 'a=rtpmap:102 H264/90000'],
  ...['a=fmtp:102 packetization-mode=1', ''],
];

it('says of each codec of the picture what to begin with, and changes nothing else', () => {
  const text = withBetterStart(sdp.join('\r\n'));
  expect(isSdp(text)).toBe(true);
  const lines = text.split('\r\n');
  const added = lines.filter((line) => line.includes('x-google'));
  expect(added).toEqual([
    'a=fmtp:96 x-google-start-bitrate=1000',
    'a=fmtp:102 packetization-mode=1;x-google-start-bitrate=1000',
  ]);
  expect(
    lines.map((line) => line.replace(/;?x-google.*/, '')).filter((line) => line !== 'a=fmtp:96 '),
  ).toEqual(sdp);
});

it('leaves a description without a picture as it is', () => {
  const sound = sdp.slice(0, 7).join('\r\n');
  expect(withBetterStart(sound)).toBe(sound);
});
