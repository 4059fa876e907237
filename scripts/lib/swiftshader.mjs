import { existsSync } from 'node:fs';

const CHROMIUM = '/usr/lib/chromium';

/**
 * Lets processes that this one starts find SwiftShader, which computes WebGPU on the CPU, for tests alone. Debian's Chromium brings it and the Vulkan
 * loader that finds it; a process must know the loader when it starts.
 */
export function exposeSwiftShader() {
  const driver = `${CHROMIUM}/vk_swiftshader_icd.json`;
  if (!existsSync(driver)) return;
  process.env.VK_ICD_FILENAMES ??= driver;
  process.env.LD_LIBRARY_PATH = [CHROMIUM, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
}
