import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { ResultFile } from '../../../protocol/index.ts';
import { bytes } from '../shared/words.ts';

/** Files that are named one by one; of a folder of maps the first ones do. */
const NAMED = 30;

/** What came of a job: played where a browser can, and to be fetched. */
export function Results({ files }: { files: readonly ResultFile[] }) {
  // A playlist plays its pieces; of several the one that names the others has the shortest name.
  const lists = files
    .filter(({ name }) => name.endsWith('.m3u8'))
    .toSorted((a, b) => a.name.length - b.name.length);
  const playable = lists.length > 0 ? lists : files.filter(({ name }) => /\.(mp4|webm|mkv)$/i.test(name));
  const chosen = useSignal(0);
  const file = playable[chosen.value];
  return (
    <section class="card stack tight" aria-labelledby="results">
      <div class="row spread">
        <h2 id="results">Results</h2>
        {playable.length > 1 && (
          <label class="row">
            <span>Play</span>
            <select
              value={chosen.value}
              onChange={({ currentTarget }) => {
                chosen.value = Number(currentTarget.value);
              }}
            >
              {playable.map(({ path, name }, i) => (
                <option key={path} value={i}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {file && <Player key={file.path} file={file} />}
      <ul class="files">
        {files.slice(0, NAMED).map(({ path, name, bytes: size }) => (
          <li key={path}>
            <a href={path} download={name}>
              {name}
            </a>{' '}
            <span class="quiet number">{bytes(size)}</span>
          </li>
        ))}
      </ul>
      {files.length > NAMED && <p class="quiet">And {files.length - NAMED} more.</p>}
    </section>
  );
}

function Player({ file: { path, name } }: { file: ResultFile }) {
  const video = useRef<HTMLVideoElement>(null);
  const fault = useSignal<string | null>(null);
  useEffect(() => {
    const element = video.current!;
    element.onerror = () => {
      fault.value = `This browser cannot play ${name}; it can be fetched all the same.`;
    };
    if (!name.endsWith('.m3u8')) {
      element.src = path;
      return;
    }
    let end = () => {};
    let gone = false;
    // Only pages with a playlist pay for it.
    void import('hls.js').then(({ default: Hls }) => {
      if (gone) return;
      const hls = new Hls();
      hls.on(Hls.Events.ERROR, (_, { fatal }) => {
        if (fatal) element.onerror!('fatal');
      });
      hls.loadSource(path);
      hls.attachMedia(element);
      end = () => hls.destroy();
    });
    return () => {
      gone = true;
      end();
    };
  }, [path]);
  return (
    <>
      {/* biome-ignore lint/a11y/useMediaCaption: what a camera saw has none */}
      <video ref={video} controls playsInline preload="metadata" aria-label={name} />
      {fault.value && <p role="alert">{fault.value}</p>}
    </>
  );
}
