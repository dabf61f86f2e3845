import type { FromPublisherWorker, ToPublisherWorker } from './publisher-messages.ts';
import { PublisherSocket } from './publisher-socket.ts';

/** The connection of a page that publishes, in a worker: timers of hidden pages fire once a minute, those of workers go on. */
let socket: PublisherSocket | null = null;

self.onmessage = ({ data }: MessageEvent<ToPublisherWorker>) => {
  switch (data.type) {
    case 'open':
      socket = new PublisherSocket(data.setup, (message: FromPublisherWorker) => self.postMessage(message));
      break;
    case 'say':
      socket?.say(data.message);
      break;
    case 'close':
      socket?.close();
  }
};
