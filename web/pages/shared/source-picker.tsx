import { type Signal, useSignal } from '@preact/signals';
import type { LiveSource } from 'edge-runner';

const KINDS = {
  street: 'Synthetic street',
  camera: 'Camera',
  screen: 'Screen',
  video: 'Video file or address',
  hls: 'HLS address',
  whep: 'WHEP address',
} as const;
type Kind = keyof typeof KINDS;

interface Fields {
  kind: Kind;
  /** Its id; any when empty. */
  camera: string;
  microphone: boolean;
  address: string;
  token: string;
  file: File | null;
}

/** Their names are told only once a camera was allowed. */
async function listCameras(): Promise<MediaDeviceInfo[]> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  return all.filter((one) => one.kind === 'videoinput' && one.deviceId !== '');
}

function sourceOf(
  { kind, camera, microphone, address, token, file }: Fields,
  size: PickerProps['size'],
): LiveSource {
  switch (kind) {
    case 'street':
      return { kind: 'street' };
    case 'screen':
      return { kind: 'screen' };
    case 'camera':
      return { kind: 'camera', audio: microphone, ...size, ...(camera && { deviceId: camera }) };
    case 'video':
      return { kind: 'video', from: file ?? address };
    case 'hls':
      return { kind: 'hls', url: address };
    case 'whep':
      return { kind: 'whep', url: address, ...(token && { token }) };
  }
}

interface PickerProps {
  /** What the field is called. */
  name: string;
  /** What the button is. */
  action: string;
  /** Whether something is being opened just now. */
  busy: boolean;
  /** px, asked of cameras. */
  size: { width: number; height: number };
  /** Whether its sound is of use. */
  sound: boolean;
  open(source: LiveSource): Promise<void>;
}

/** Where a picture comes from. */
export function SourcePicker({ name, action, busy, size, sound, open }: PickerProps) {
  const fields = useSignal<Fields>({
    ...{ kind: 'street', camera: '', microphone: false, address: '', token: '', file: null },
  });
  const cameras = useSignal<readonly MediaDeviceInfo[]>([]);
  const set = (change: Partial<Fields>) => {
    fields.value = { ...fields.value, ...change };
  };
  const start = async (event: Event) => {
    event.preventDefault();
    await open(sourceOf(fields.value, size));
    cameras.value = await listCameras();
  };
  const { kind, address, token, file } = fields.value;
  return (
    <form class="stack" onSubmit={start}>
      <label class="field">
        <span>{name}</span>
        <select
          value={kind}
          onChange={async ({ currentTarget }) => {
            // The field of a file is another one when it comes again, and shows none.
            set({ kind: currentTarget.value as Kind, file: null });
            if (fields.value.kind === 'camera') cameras.value = await listCameras();
          }}
        >
          {Object.entries(KINDS).map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </label>
      {kind === 'camera' && <CameraFields {...{ fields, cameras, sound, set }} />}
      {kind === 'video' && (
        <label class="field">
          <span>File</span>
          <input
            type="file"
            accept="video/*"
            onChange={({ currentTarget }) => set({ file: currentTarget.files?.[0] ?? null })}
          />
        </label>
      )}
      {(kind === 'hls' || kind === 'whep' || (kind === 'video' && !file)) && (
        <label class="field">
          <span>{kind === 'video' ? 'or address' : 'Address'}</span>
          <input
            type="url"
            placeholder="https://"
            value={address}
            onInput={({ currentTarget }) => set({ address: currentTarget.value })}
          />
        </label>
      )}
      {kind === 'whep' && (
        <label class="field">
          <span>Token</span>
          <input
            type="password"
            autoComplete="off"
            placeholder="none"
            value={token}
            onInput={({ currentTarget }) => set({ token: currentTarget.value })}
          />
        </label>
      )}
      <button type="submit" class="main" disabled={busy}>
        {action}
      </button>
    </form>
  );
}

const CameraFields = ({
  fields,
  cameras,
  sound,
  set,
}: {
  fields: Signal<Fields>;
  cameras: Signal<readonly MediaDeviceInfo[]>;
  sound: boolean;
  set(change: Partial<Fields>): void;
}) => (
  <>
    {cameras.value.length > 0 && (
      <label class="field">
        <span>Device</span>
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
    {sound && (
      <label class="check">
        <input
          type="checkbox"
          checked={fields.value.microphone}
          onChange={({ currentTarget }) => set({ microphone: currentTarget.checked })}
        />
        <span>with its microphone</span>
      </label>
    )}
  </>
);
