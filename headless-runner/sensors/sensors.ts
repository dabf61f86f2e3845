import { cpus, totalmem } from 'node:os';
import si from 'systeminformation';
import type { DeviceReport, LoadReport } from '../../protocol/index.ts';
import { type NvidiaGpu, nvidiaGpus } from './nvidia.ts';

const MIB = 1 << 20;

/** What a machine tells of itself without root. */
export interface Sensors {
  device(): Promise<DeviceReport>;
  load(): Promise<LoadReport>;
}

/**
 * The sensors of this machine, as a node sees them.
 * @param address PCI address of the one GPU that the node has; all of them where it is null.
 */
export const sensorsOf = (address: string | null): Sensors => {
  const mine = (gpu: NvidiaGpu) => address === null || gpu.address === address;
  return {
    async device() {
      const [os, nvidia, graphics] = await Promise.all([
        si.osInfo().catch(() => null),
        nvidiaGpus(),
        si.graphics().catch(() => null),
      ]);
      const others = (graphics?.controllers ?? []).filter(({ vendor }) => !/nvidia/i.test(vendor));
      return {
        system: os ? `${os.distro} ${os.release} ${os.arch}` : process.platform,
        cpu: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores`,
        memory: totalmem(),
        gpus: [
          ...nvidia.filter(mine).map(({ name, driver, memoryTotal }) => ({
            ...{ name, driver },
            memory: memoryTotal === null ? null : memoryTotal * MIB,
          })),
          // Those have no sensors that are read here: they come last, so that loads stand in the same order.
          ...(address === null ? others : []).map(({ vendor, model, vram, driverVersion }) => ({
            name: model.includes(vendor) ? model : `${vendor} ${model}`.trim(),
            memory: vram ? vram * MIB : null,
            driver: driverVersion ?? null,
          })),
        ],
      };
    },
    async load() {
      const [cpu, memory, temperature, battery, nvidia] = await Promise.all([
        si.currentLoad().catch(() => null),
        si.mem().catch(() => null),
        si.cpuTemperature().catch(() => null),
        si.battery().catch(() => null),
        nvidiaGpus(),
      ]);
      return {
        cpu: share(cpu?.currentLoad ?? null, 100),
        memory: share(memory?.active ?? null, memory?.total ?? 0),
        // Where nothing is measured it says null, or zero on some systems.
        temperature: temperature?.main || null,
        gpus: nvidia.filter(mine).map((gpu) => ({
          load: gpu.load,
          memory: share(gpu.memoryUsed, gpu.memoryTotal ?? 0),
          temperature: gpu.temperature,
        })),
        battery: battery?.hasBattery
          ? { level: share(battery.percent, 100) ?? 0, charging: battery.isCharging || battery.acConnected }
          : null,
      };
    },
  };
};

const share = (part: number | null, of: number): number | null =>
  part === null || !(of > 0) ? null : Math.min(1, Math.max(0, part / of));
