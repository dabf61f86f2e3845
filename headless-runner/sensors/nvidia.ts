import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** What NVIDIA's tool says of one card; null is what it does not know. */
export interface NvidiaGpu {
  /** PCI address as the system writes it: `0000:01:00.0`. */
  address: string;
  name: string;
  driver: string;
  /** MiB. */
  memoryTotal: number | null;
  memoryUsed: number | null;
  /** 0 to 1. */
  load: number | null;
  /** Degrees Celsius. */
  temperature: number | null;
}

const FIELDS = [
  ...['pci.bus_id', 'name', 'driver_version', 'memory.total', 'memory.used', 'utilization.gpu'],
  'temperature.gpu',
];
/** A driver in trouble answers never. */
const PATIENCE = 5_000;

const run = promisify(execFile);

/** @returns none where the tool is not there, or does not answer: what it told before may still be so. */
export async function nvidiaGpus(): Promise<NvidiaGpu[]> {
  const args = [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits'];
  const { stdout } = await run('nvidia-smi', args, { timeout: PATIENCE, windowsHide: true }).catch(() => ({
    stdout: '',
  }));
  return stdout
    .split('\n')
    .filter((line) => line.split(',').length === FIELDS.length)
    .map((line) => {
      const [address, name, driver, ...numbers] = line.split(',').map((field) => field.trim());
      const [memoryTotal, memoryUsed, load, temperature] = numbers.map(numberOf);
      return {
        // It writes the domain with eight digits.
        address: address!.toLowerCase().replace(/^0{4}(?=[0-9a-f]{4}:)/, ''),
        ...{ name: name!, driver: driver!, memoryTotal: memoryTotal!, memoryUsed: memoryUsed! },
        load: load === null ? null : load! / 100,
        temperature: temperature!,
      };
    });
}

/** `[N/A]` and its like are no numbers. */
const numberOf = (text: string): number | null =>
  text !== '' && Number.isFinite(Number(text)) ? Number(text) : null;
