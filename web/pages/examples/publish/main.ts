import { type EdgeRunnerError, type Publication, publishStream } from 'edge-runner';

const find = <T extends Element>(selector: string) => document.querySelector<T>(selector)!;
const form = find<HTMLFormElement>('form');
const publish = find<HTMLButtonElement>('[type=submit]');
const stop = find<HTMLButtonElement>('#stop');
const status = find<HTMLElement>('#status');
const trouble = find<HTMLElement>('#trouble');
const canvas = find<HTMLCanvasElement>('canvas');
const context = canvas.getContext('2d')!;

/** A disc on its way, and a counter: as a number, and as a bar code of 16 cells that a program reads. */
let count = 0;
setInterval(() => {
  const { width, height } = canvas;
  context.fillStyle = `hsl(${count % 360} 45% 30%)`;
  context.fillRect(0, 0, width, height);
  context.fillStyle = '#f4c430';
  context.beginPath();
  context.arc(width / 2 + 400 * Math.cos(count / 30), height / 2 + 180 * Math.sin(count / 23), 60, 0, 7);
  context.fill();
  for (let bit = 0; bit < 16; bit++) {
    context.fillStyle = (count >> (15 - bit)) & 1 ? '#fff' : '#000';
    context.fillRect((bit * width) / 16, 0, width / 16, height / 12);
  }
  context.fillStyle = '#fff';
  context.font = '64px sans-serif';
  context.fillText(`frame ${count}`, 40, height - 60);
  count = (count + 1) % 65_536;
}, 1000 / 30);

const canvasStream = canvas.captureStream(30);
let publication: Publication | null = null;
const show = () => {
  stop.disabled = publication === null;
  status.textContent = publication
    ? `Watch it at ${publication.address} (viewers: ${publication.viewers})`
    : 'Nothing is published.';
};

find<HTMLInputElement>('[name=server]').value = location.origin;
form.onsubmit = async (event) => {
  event.preventDefault();
  const { server, token, name } = Object.fromEntries(new FormData(form)) as Record<string, string>;
  trouble.textContent = '';
  publish.disabled = true;
  await publication?.close();
  publication = await publishStream(
    canvasStream,
    { server: server!, token: token!, name: name! },
    {
      onViewers: show,
      onTrouble: (error) => {
        trouble.textContent = error && `${error.message} ${error.remedy}`;
      },
      onEnd: ({ message, remedy }) => {
        trouble.textContent = `${message} ${remedy}`;
        publication = null;
        show();
      },
    },
  ).catch(({ message, remedy }: EdgeRunnerError) => {
    trouble.textContent = `${message} ${remedy}`;
    return null;
  });
  publish.disabled = false;
  show();
};
stop.onclick = async () => {
  await publication?.close();
  publication = null;
  show();
};
