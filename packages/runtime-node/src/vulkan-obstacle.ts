import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

const LIBRARIES = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib', '/lib64', '/usr/local/lib'];
const DRIVERS = [
  '/usr/share/vulkan/icd.d',
  '/etc/vulkan/icd.d',
  '/usr/local/share/vulkan/icd.d',
  join(homedir(), '.local/share/vulkan/icd.d'),
];

/** How Linux shows graphics cards: most, NVIDIA's own driver, those of Windows in WSL, Adreno, Mali. */
const DEVICES = ['/dev/dri', '/dev/nvidiactl', '/dev/dxg', '/dev/kgsl-3d0', '/dev/mali0'];

/** What Vulkan lacks on this machine; undefined where it seems complete, and elsewhere than on Linux. Dawn itself would complain on stderr. */
export function vulkanObstacle(
  environment: Environment = process.env,
  platform: string = process.platform,
  { libraries = LIBRARIES, drivers = DRIVERS, devices = DEVICES } = {},
): string | undefined {
  if (platform !== 'linux') return undefined;
  const { LD_LIBRARY_PATH = '', VK_DRIVER_FILES, VK_ICD_FILENAMES, VK_ADD_DRIVER_FILES } = environment;
  const folders = [...LD_LIBRARY_PATH.split(':').filter(Boolean), ...libraries];
  if (!folders.some((folder) => existsSync(join(folder, 'libvulkan.so.1')))) return 'no Vulkan loader (libvulkan.so.1)';
  if (VK_DRIVER_FILES || VK_ICD_FILENAMES || VK_ADD_DRIVER_FILES) return undefined;
  if (!drivers.some(hasDescription)) return 'no Vulkan driver';
  return devices.some((device) => existsSync(device)) ? undefined : 'no graphics card';
}

const hasDescription = (folder: string): boolean => existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.json'));
