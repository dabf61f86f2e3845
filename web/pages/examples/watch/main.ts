import { type EdgeRunnerError, type OpenSource, openSource } from 'edge-runner';

const find = <T extends Element>(selector: string) => document.querySelector<T>(selector)!;
const form = find<HTMLFormElement>('form');
const watch = find<HTMLButtonElement>('[type=submit]');
const stop = find<HTMLButtonElement>('#stop');
const trouble = find<HTMLElement>('#trouble');
const video = find<HTMLVideoElement>('video');

let source: OpenSource | null = null;
const show = (stream: MediaStream | null) => {
  video.srcObject = stream;
  stop.disabled = stream === null;
};
const close = () => {
  source?.close();
  source = null;
  show(null);
};

form.onsubmit = async (event) => {
  event.preventDefault();
  const { url, token } = Object.fromEntries(new FormData(form)) as Record<string, string>;
  trouble.textContent = '';
  watch.disabled = true;
  close();
  source = await openSource(
    { kind: 'whep', url: url!, token: token! },
    {
      // A connection that broke was made anew.
      onStream: show,
      onTrouble: (error) => {
        trouble.textContent = error && `${error.message} ${error.remedy}`;
      },
    },
  ).catch(({ message, remedy }: EdgeRunnerError) => {
    trouble.textContent = `${message} ${remedy}`;
    return null;
  });
  watch.disabled = false;
  show(source?.stream ?? null);
};
stop.onclick = close;
addEventListener('pagehide', close);
