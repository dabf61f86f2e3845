import { signal } from '@preact/signals';
import type { LiveSource } from 'edge-runner';
import type { RefObject } from 'preact';
import { open, phase } from './session.ts';

const KINDS = {
  street: 'Synthetic street',
  camera: 'Camera',
  screen: 'Screen',
  video: 'Video file or address',
  hls: 'HLS address',
  whep: 'WHEP address',
} as const;

const kind = signal<keyof typeof KINDS>('street');
const cameras = signal<readonly MediaDeviceInfo[]>([]);
const file = signal<File | null>(null);
const fields = signal({ camera: '', microphone: false, address: '', token: '' });

const set = (change: Partial<typeof fields.value>) => {
  fields.value = { ...fields.value, ...change };
};

/** Their names are told only once a camera was allowed. */
async function listCameras(): Promise<void> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  cameras.value = all.filter((one) => one.kind === 'videoinput' && one.deviceId !== '');
}

function chosen(): LiveSource {
  const { camera, microphone, address, token } = fields.value;
  switch (kind.value) {
    case 'street':
      return { kind: 'street' };
    case 'screen':
      return { kind: 'screen' };
    case 'camera':
      return { kind: 'camera', audio: microphone, ...(camera && { deviceId: camera }) };
    case 'video':
      return { kind: 'video', from: file.value ?? address };
    case 'hls':
      return { kind: 'hls', url: address };
    case 'whep':
      return { kind: 'whep', url: address, ...(token && { token }) };
  }
}

export function SourcePicker({ video }: { video: RefObject<HTMLVideoElement | null> }) {
  const start = async (event: Event) => {
    event.preventDefault();
    await open(chosen(), video.current!);
    await listCameras();
  };
  const { value: which } = kind;
  return (
    <form class="card stack" onSubmit={start}>
      <label class="field">
        <span>Source</span>
        <select
          value={which}
          onChange={({ currentTarget }) => {
            kind.value = currentTarget.value as keyof typeof KINDS;
            if (kind.value === 'camera') listCameras();
          }}
        >
          {Object.entries(KINDS).map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </label>
      {which === 'camera' && <CameraFields />}
      {which === 'video' && (
        <label class="field">
          <span>File</span>
          <input
            type="file"
            accept="video/*"
            onChange={({ currentTarget }) => {
              file.value = currentTarget.files?.[0] ?? null;
            }}
          />
        </label>
      )}
      {(which === 'hls' || which === 'whep' || (which === 'video' && !file.value)) && (
        <label class="field">
          <span>{which === 'video' ? 'or address' : 'Address'}</span>
          <input
            type="url"
            placeholder="https://"
            value={fields.value.address}
            onInput={({ currentTarget }) => set({ address: currentTarget.value })}
          />
        </label>
      )}
      {which === 'whep' && (
        <label class="field">
          <span>Token</span>
          <input
            type="password"
            autoComplete="off"
            placeholder="none"
            value={fields.value.token}
            onInput={({ currentTarget }) => set({ token: currentTarget.value })}
          />
        </label>
      )}
      <button type="submit" class="main" disabled={phase.value === 'opening'}>
        {phase.value === 'running' ? 'Take this source' : 'Start'}
      </button>
    </form>
  );
}

const CameraFields = () => (
  <>
    {cameras.value.length > 0 && (
      <label class="field">
        <span>Camera</span>
        <select
          value={fields.value.camera}
          onChange={({ currentTarget }) => set({ camera: currentTarget.value })}
        >
          <option value="">any</option>
          {cameras.value.map(({ deviceId, label }) => (
            <option key={deviceId} value={deviceId}>
              {label || deviceId.slice(0, 8)}
            </option>
          ))}
        </select>
      </label>
    )}
    <label class="check">
      <input
        type="checkbox"
        checked={fields.value.microphone}
        onChange={({ currentTarget }) => set({ microphone: currentTarget.checked })}
      />
      <span>with its microphone</span>
    </label>
  </>
);
