import type { CapabilityReport, LoadReport, MeasuredSpeeds } from '../../../protocol/index.ts';
import { rate } from '../shared/words.ts';

/** As people would tell this device from others. */
export function nameOfDevice(): string {
  const { userAgent } = navigator;
  const system = /iPhone|iPad|Android|CrOS|Mac OS X|Windows|Linux/.exec(userAgent)?.[0] ?? 'device';
  const browser = /Edg|OPR|Firefox|Chrome|Safari/.exec(userAgent)?.[0] ?? 'browser';
  return `${browser} on ${system}`;
}

/** What this device can do, in words. */
export function wordsOf(
  { cores, memoryGiB, adapter, decode, encode }: CapabilityReport,
  speeds: MeasuredSpeeds,
): { name: string; words: string }[] {
  const gpu = adapter && !adapter.software ? adapter : null;
  const codecs = (paths: CapabilityReport['decode']) =>
    Object.entries(paths)
      .filter(([name, path]) => path !== 'no' && !name.includes('10-bit'))
      .map(([name, path]) => (path === 'hardware' ? `${name} (in hardware)` : name))
      .join(', ') || 'nothing';
  const measured = Object.entries(speeds).flatMap(([backend, works]) =>
    Object.entries(works ?? {}).map(
      ([work, fps]) => `${work} ${rate(fps)} frames a second (${backend === 'webgpu' ? 'GPU' : 'processor'})`,
    ),
  );
  return [
    {
      name: 'GPU',
      words: gpu
        ? gpu.description || `${gpu.vendor} ${gpu.architecture}`
        : 'none that this browser offers (WebGPU): it works with the processor, which is right but several times slower',
    },
    { name: 'Processor', words: `${cores} cores${memoryGiB ? `, ${memoryGiB} GiB or more of memory` : ''}` },
    { name: 'Reads', words: codecs(decode) },
    { name: 'Writes', words: codecs(encode) },
    ...(measured.length > 0 ? [{ name: 'Measured', words: measured.join('; ') }] : []),
  ];
}

interface BatteryManager extends EventTarget {
  level: number;
  charging: boolean;
}

/** Told of the battery as it changes; null where there is none, or the browser does not tell. */
export async function watchBattery(hear: (battery: LoadReport['battery']) => void): Promise<void> {
  const { getBattery } = navigator as { getBattery?: () => Promise<BatteryManager> };
  const battery = await getBattery?.call(navigator).catch(() => null);
  if (!battery) return;
  const tell = () => hear({ level: battery.level, charging: battery.charging });
  for (const event of ['chargingchange', 'levelchange']) battery.addEventListener(event, tell);
  tell();
}
