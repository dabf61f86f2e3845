import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { JobSpec, ResultFile } from '../../../protocol/index.ts';
import { bytes } from '../shared/words.ts';
import { groupResults, isPicture, isPlaylist, type ResultGroups } from './result-groups.ts';

/** Files of a drawer that are shown at a time. */
const DRAWN = 120;

/** What came of a job: played where a browser can, and to be fetched. */
export function Results({ files, outputs }: { files: readonly ResultFile[]; outputs: JobSpec['outputs'] }) {
  const { playable, first, many } = groupResults(files, outputs);
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
      {first.length > 0 && (
        <ul class="files">
          {first.map((one) => (
            <li key={one.path}>
              <FileLink file={one} />
            </li>
          ))}
        </ul>
      )}
      {many.map((group) => (
        <Drawer key={group.output} {...group} />
      ))}
    </section>
  );
}

const FileLink = ({ file }: { file: ResultFile }) => {
  const { path, name, bytes: size } = file;
  return (
    <>
      <a href={path} download={name}>
        {isPicture(file) && <img src={path} alt="" loading="lazy" />}
        {name}
      </a>{' '}
      <span class="quiet number">{bytes(size)}</span>
    </>
  );
};

/** There may be a hundred thousand of them: nothing of them is there before somebody wants to see it. */
function Drawer({ output, what, files }: ResultGroups['many'][number]) {
  const open = useSignal(false);
  const page = useSignal(0);
  const pages = Math.ceil(files.length / DRAWN);
  const shown = files.slice(page.value * DRAWN, (page.value + 1) * DRAWN);
  return (
    <details
      onToggle={({ currentTarget }) => {
        open.value = currentTarget.open;
      }}
    >
      <summary>
        {output}: {files.length} {what}, {bytes(files.reduce((sum, file) => sum + file.bytes, 0))}
      </summary>
      {open.value && (
        <ul class={shown.every(isPicture) ? 'files pictures' : 'files'}>
          {shown.map((file) => (
            <li key={file.path}>
              <FileLink file={file} />
            </li>
          ))}
        </ul>
      )}
      {open.value && pages > 1 && (
        <nav class="row" aria-label={`Pages of ${output}`}>
          <button type="button" disabled={page.value === 0} onClick={() => page.value--}>
            Before
          </button>
          <span>
            Page {page.value + 1} of {pages}
          </span>
          <button type="button" disabled={page.value === pages - 1} onClick={() => page.value++}>
            Next
          </button>
        </nav>
      )}
    </details>
  );
}

function Player({ file }: { file: ResultFile }) {
  const { path, name } = file;
  const video = useRef<HTMLVideoElement>(null);
  const fault = useSignal<string | null>(null);
  useEffect(() => {
    const element = video.current!;
    element.onerror = () => {
      fault.value = `This browser cannot play ${name}; it can be fetched all the same.`;
    };
    if (!isPlaylist(file)) {
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
