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

/** What Vulkan lacks on this machine; undefined where it seems complete, and elsewhere than on Linux. Dawn itself would complain on stderr. */
export function vulkanObstacle(
  environment: Environment = process.env,
  platform: string = process.platform,
  { libraries = LIBRARIES, drivers = DRIVERS } = {},
): string | undefined {
  if (platform !== 'linux') return undefined;
  const { LD_LIBRARY_PATH = '', VK_DRIVER_FILES, VK_ICD_FILENAMES, VK_ADD_DRIVER_FILES } = environment;
  const folders = [...LD_LIBRARY_PATH.split(':').filter(Boolean), ...libraries];
  if (!folders.some((folder) => existsSync(join(folder, 'libvulkan.so.1')))) return 'no Vulkan loader (libvulkan.so.1)';
  if (VK_DRIVER_FILES || VK_ICD_FILENAMES || VK_ADD_DRIVER_FILES) return undefined;
  return drivers.some(hasDescription) ? undefined : 'no Vulkan driver';
}

const hasDescription = (folder: string): boolean => existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.json'));
