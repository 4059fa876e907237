import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { vulkanObstacle } from './vulkan-obstacle';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'densessm-vulkan-'));
  await writeFile(join(folder, 'libvulkan.so.1'), '');
  await writeFile(join(folder, 'driver.json'), '{}');
});
afterAll(() => rm(folder, { recursive: true }));

it('names what Vulkan lacks on Linux, and nothing where loader, driver and card are there', () => {
  const nowhere = { libraries: [], drivers: [], devices: [] };
  expect(vulkanObstacle({}, 'linux', nowhere)).toBe('no Vulkan loader (libvulkan.so.1)');
  expect(vulkanObstacle({ LD_LIBRARY_PATH: folder }, 'linux', nowhere)).toBe('no Vulkan driver');
  expect(vulkanObstacle({ LD_LIBRARY_PATH: folder, VK_ICD_FILENAMES: 'driver.json' }, 'linux', nowhere)).toBeUndefined();
  expect(vulkanObstacle({}, 'linux', { libraries: [folder], drivers: [folder], devices: [] })).toBe('no graphics card');
  expect(vulkanObstacle({}, 'linux', { libraries: [folder], drivers: [folder], devices: [folder] })).toBeUndefined();
  expect(vulkanObstacle({}, 'darwin', nowhere)).toBeUndefined();
});
