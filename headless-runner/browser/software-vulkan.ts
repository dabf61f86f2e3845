import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Chromium's description of SwiftShader for Vulkan's loader, beside the browser itself. */
const DRIVER = 'vk_swiftshader_icd.json';

/**
 * The environment in which a browser on Linux finds the software driver that comes with it. Its own flag for that
 * driver does not reach ANGLE, which asks Vulkan's loader: where no package has registered a driver the GPU process
 * ends at its start, and with it goes the import of video frames.
 * @param executablePath of the browser; distributions put a script there, and the browser elsewhere.
 */
export function softwareVulkan(executablePath: string): Record<string, string> {
  if (process.platform !== 'linux' || process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES) return {};
  const folders = [
    dirname(realpathSync(executablePath)),
    ...['/usr/lib', '/usr/lib64', '/opt'].map((folder) => join(folder, basename(executablePath))),
    ...['/usr/lib/chromium', '/usr/lib/chromium-browser', '/opt/google/chrome'],
  ];
  const driver = folders.map((folder) => join(folder, DRIVER)).find((path) => existsSync(path));
  // The older name is what loaders before 1.3.207 know.
  return driver ? { VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver } : {};
}
