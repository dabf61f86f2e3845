export { ffmpegPeers, transcode } from './ffmpeg.ts';
export { napiWebCodecs } from './napi-webcodecs.ts';
export { nativeDetect } from './native-detect.ts';
export { pagePeer } from './page-peer.ts';
export { hasPeer, type Peer, type PeerDetection, type PeerRun } from './peer.ts';
