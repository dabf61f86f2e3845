import { useRef } from 'preact/hooks';
import { Log } from '../shared/log.tsx';
import { mount } from '../shared/mount.ts';
import { Notices } from '../shared/notices.tsx';
import { SourcePicker } from '../shared/source-picker.tsx';
import '../shared/live.css';
import './overlay.css';
import { Controls } from './controls.tsx';
import { Measures } from './measures.tsx';
import { session, shape } from './session.ts';
import { Taking } from './taking.tsx';
import { ZoneCanvas, Zones } from './zones.tsx';

const { close, open, phase, pipeline, refusal, state, trouble } = session;

function App() {
  const video = useRef<HTMLVideoElement>(null);
  const { value: at } = phase;
  const failed = pipeline.value && 'error' in state.value ? state.value : null;
  return (
    <main>
      <header class="row spread">
        <h1>Live overlay</h1>
        {at !== 'choosing' && (
          <button type="button" onClick={close}>
            Stop
          </button>
        )}
      </header>
      <section class="picture" aria-label="Picture">
        <div class="stage" style={shape.value ? { aspectRatio: shape.value } : {}}>
          <video ref={video} playsInline muted />
          <ZoneCanvas />
          {at === 'opening' && (
            <p class="over" role="status">
              Opening…
            </p>
          )}
          {at === 'choosing' && <p class="over quiet">Choose a source.</p>}
          {at === 'running' && state.value.state === 'opening' && (
            <p class="corner" role="status">
              Loading models…
            </p>
          )}
        </div>
        <Notices
          bad={[refusal.value, failed?.state === 'failed' ? failed.error : null]}
          passing={[trouble.value, failed?.state === 'recovering' ? failed.error : null]}
        />
        {at !== 'choosing' && <Measures video={video} />}
      </section>
      <aside class="stack">
        <div class="card">
          <SourcePicker
            name="Source"
            action={at === 'running' ? 'Take this source' : 'Start'}
            busy={at === 'opening'}
            size={{ width: 640, height: 480 }}
            sound
            open={(source) => open(source, video.current!)}
          />
        </div>
        <Controls />
        <Zones />
        <Taking video={video} />
        <Log />
      </aside>
    </main>
  );
}

mount(<App />);
