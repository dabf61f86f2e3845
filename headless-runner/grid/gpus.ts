import { readdirSync } from 'node:fs';
import { EdgeRunnerError } from '../../protocol/index.ts';

/** One GPU that a browser is to have, or the whole machine. */
export interface Gpu {
  /** As the system numbers them; null where nobody asked for one of several. */
  index: number | null;
  /** On the PCI bus, such as `0000:01:00.0`; null where nobody asked for one of several. */
  address: string | null;
  /** With which a browser's Vulkan finds this one first. */
  env: Record<string, string>;
}

const DRI = '/dev/dri';

/**
 * The GPUs of `--gpus`. On Linux Vulkan's loaders and Mesa's device layer take the PCI address from the environment;
 * other systems offer a browser no choice.
 * @throws {EdgeRunnerError} `option-invalid`, `no-gpu`
 */
export async function readGpus(which: string | undefined): Promise<Gpu[]> {
  if (which === undefined) return [{ index: null, address: null, env: {} }];
  const here = process.platform === 'linux' ? pciGpus() : [];
  if (which !== 'all' && !/^\d+(,\d+)*$/.test(which))
    throw new EdgeRunnerError(
      'option-invalid',
      `--gpus does not take "${which}".`,
      'Give all, or numbers such as 0,2.',
    );
  const wanted = which === 'all' ? here.map((_, i) => i) : [...new Set(which.split(',').map(Number))];
  const missing = wanted.find((index) => index >= here.length);
  if (wanted.length === 0 || missing !== undefined)
    throw new EdgeRunnerError(
      'no-gpu',
      missing === undefined
        ? 'There is no GPU that could be chosen on this machine.'
        : `There is no GPU ${missing}; there ${here.length === 1 ? 'is 1' : `are ${here.length}`}.`,
      'Leave --gpus out to use what the browser finds.',
    );
  return wanted.map((index) => {
    const address = here[index]!;
    return {
      index,
      address,
      env: { DRI_PRIME: `pci-${address.replace(/[:.]/g, '_')}`, MESA_VK_DEVICE_SELECT: `pci:${address}` },
    };
  });
}

/** PCI addresses of the cards that render, in the system's order. */
function pciGpus(): string[] {
  try {
    return readdirSync(`${DRI}/by-path`)
      .filter((name) => name.endsWith('-render'))
      .sort()
      .map((name) => /^pci-([0-9a-f:.]+)-render$/.exec(name)?.[1])
      .filter((address) => address !== undefined);
  } catch {
    return [];
  }
}
