import { useRef } from 'preact/hooks';
import { Figures } from '../shared/figures.tsx';
import { Log } from '../shared/log.tsx';
import { mount } from '../shared/mount.ts';
import { Notices } from '../shared/notices.tsx';
import { SourcePicker } from '../shared/source-picker.tsx';
import '../shared/live.css';
import './banner.css';
import { LayerList } from './layer-list.tsx';
import { OutPanel } from './out-panel.tsx';
import { session } from './session.ts';

const { close, open, phase, pipeline, refusal, report, state, trouble } = session;

function App() {
  const video = useRef<HTMLVideoElement>(null);
  const { value: at } = phase;
  const failed = pipeline.value && 'error' in state.value ? state.value : null;
  return (
    <main>
      <header class="row spread">
        <h1>Banners</h1>
        {at !== 'choosing' && (
          <button type="button" onClick={close}>
            Stop
          </button>
        )}
      </header>
      <section class="picture" aria-label="Picture, as it is sent">
        <div
          class="stage"
          style={report.value ? { aspectRatio: `${report.value.width} / ${report.value.height}` } : {}}
        >
          <video ref={video} playsInline muted />
          {at === 'opening' && (
            <p class="over" role="status">
              Opening…
            </p>
          )}
          {at === 'choosing' && <p class="over quiet">Choose a source.</p>}
        </div>
        <Notices
          bad={[refusal.value, failed?.state === 'failed' ? failed.error : null]}
          passing={[trouble.value, failed?.state === 'recovering' ? failed.error : null]}
        />
        {at !== 'choosing' && <Figures video={video} report={report.value} state={state.value} />}
        <OutPanel />
      </section>
      <aside class="stack">
        <div class="card">
          <SourcePicker
            name="Source"
            action={at === 'running' ? 'Take this source' : 'Start'}
            busy={at === 'opening'}
            size={{ width: 1280, height: 720 }}
            sound
            open={(source) => open(source, video.current!)}
          />
        </div>
        <LayerList />
        <Log />
      </aside>
    </main>
  );
}

mount(<App />);
