// Builds each page by itself and looks at what its bundle holds.
import assert from 'node:assert/strict';
import { build } from 'vite';

/** The bytes of rendered code from each package, by the folder the package lies in. */
async function packagesIn(page) {
  const { output } = await build({ logLevel: 'warn', build: { target: 'es2022', outDir: `dist/${page}`, rollupOptions: { input: page } } });
  const sizes = new Map();
  for (const chunk of output.filter(({ type }) => type === 'chunk')) {
    for (const [id, { renderedLength }] of Object.entries(chunk.modules)) {
      const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0];
      if (folder !== undefined && renderedLength > 0) sizes.set(folder, (sizes.get(folder) ?? 0) + renderedLength);
    }
  }
  return { sizes, code: output.map((file) => ('code' in file ? file.code : '')).join('\n') };
}

const foldersOf = ({ sizes }, name) => [...sizes.keys()].filter((folder) => folder.endsWith(`node_modules/${name}`));

const both = await packagesIn('index.html');
const one = await packagesIn('mamba.html');
for (const page of [both, one]) assert.equal(foldersOf(page, '@tensorflow/tfjs-core').length, 1, 'copies of tfjs-core in the bundle');
for (const name of ['@densessm/mamba', '@densessm/retnet'])
  assert.equal(foldersOf(both, name).length, 1, `${name} is in the page that uses it`);
assert.equal(foldersOf(one, '@densessm/mamba').length, 1, '@densessm/mamba is in the page that uses it');
assert.deepEqual(foldersOf(one, '@densessm/retnet'), [], '@densessm/retnet is in a page that does not use it');
// The page with both models has retention's kernel; the other one's package brings it along for Mamba-2, which the page does not use.
assert.ok(both.code.includes('SsmDecayScan'), 'the kernel of RetNet is in the page that uses it');
assert.ok(!one.code.includes('SsmDecayScan'), 'a kernel that no model of the page uses is in its bundle');
// A page gets the browser's side of the front door: neither Node's runtime nor the command.
const frontDoor = await packagesIn('front-door.html');
assert.equal(foldersOf(frontDoor, '@densessm/runtime-web').length, 1, '@densessm/runtime-web is in the page that loads a model');
for (const name of ['@densessm/runtime-node', '@densessm/trainer'])
  assert.deepEqual(foldersOf(frontDoor, name), [], `${name} is in the bundle of a page`);
const kib = ({ code }) => `${(code.length / 1024).toFixed(0)} KiB`;
console.log(`both models ${kib(both)}, mamba only ${kib(one)}, loadModel ${kib(frontDoor)}`);
