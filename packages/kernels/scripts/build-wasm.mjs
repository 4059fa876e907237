/**
 * Compiles every assembly.ts below src (AssemblyScript) into WebAssembly modules that import their memory and have no data of
 * their own: one with standard SIMD, one with relaxed SIMD, in which a product and a sum can be one operation (assembly-madd.ts). Writes
 * their bytes to src/generated/wasm-kernels.ts, and with them src/backends/wasm/threads/thread.ts as JavaScript, to be started as a worker. Does
 * nothing where the sources are unchanged. A program, and a global setup of vitest.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, 'src/generated/wasm-kernels.ts');
const thread = join(root, 'src/backends/wasm/threads/thread.ts');
/** The upper bound is that of tfjs's memory; shared-memory.ts needs one. */
const MEMORY = ['--importMemory', '--noExportMemory', '--maximumMemory', '65536'];
const OPTIONS = ['-O3', '--noAssert', '--runtime', 'stub', ...MEMORY, '--enable', 'simd'];
/** What each build adds. */
const BUILDS = { standard: [], relaxed: ['--enable', 'relaxed-simd'] };

/** vitest calls this once before all tests. */
export default async function buildWasm() {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => /(^|[\\/])assembly[^\\/]*\.ts$/.test(path))
    .map((path) => join(root, 'src', path))
    .sort();
  const stamp = `// Made by scripts/build-wasm.mjs from ${fingerprint([...sources, thread, fileURLToPath(import.meta.url)])}\n`;
  if (existsSync(target) && readFileSync(target, 'utf8').startsWith(stamp)) return;
  const entries = sources.filter((path) => path.endsWith('assembly.ts'));
  let text = `${stamp}export const wasmKernels = {\n`;
  for (const [name, options] of Object.entries(BUILDS)) {
    text += `  ${name}: '${Buffer.from(await compile(entries, options)).toString('base64')}',\n`;
  }
  mkdirSync(dirname(target), { recursive: true });
  // another process may be doing the same: each renames a whole file into place
  const draft = `${target}.${process.pid}`;
  writeFileSync(draft, `${text}};\n\nexport const threadSource: string = ${JSON.stringify(await threadSource())};\n`);
  renameSync(draft, target);
}

/** A module of its own that exports `serve`. */
async function threadSource() {
  const { ModuleKind, ScriptTarget, transpileModule } = (await import('typescript')).default;
  const compilerOptions = { module: ModuleKind.ESNext, target: ScriptTarget.ES2022, removeComments: true };
  return transpileModule(readFileSync(thread, 'utf8'), { compilerOptions }).outputText;
}

/** @param {string[]} files */
function fingerprint(files) {
  const hash = createHash('sha256').update(readFileSync(join(root, 'package.json')));
  for (const file of files) hash.update(relative(root, file)).update(readFileSync(file));
  return hash.digest('hex');
}

/**
 * @param {string[]} entries
 * @param {string[]} options
 */
async function compile(entries, options) {
  const { main } = await import('assemblyscript/asc');
  /** @type {Uint8Array | undefined} */
  let bytes;
  const { error, stderr } = await main(
    [...entries.map((path) => relative(root, path)), '--baseDir', root, '--outFile', 'kernels.wasm', ...OPTIONS, ...options],
    {
      readFile: (name, base) => (existsSync(join(base, name)) ? readFileSync(join(base, name), 'utf8') : null),
      writeFile: (_, contents) => {
        bytes = /** @type {Uint8Array} */ (contents);
      },
      listFiles: (folder, base) => readdirSync(join(base, folder)),
    },
  );
  if (error || bytes === undefined) throw new Error(`the WebAssembly kernels could not be compiled\n${stderr}`, { cause: error });
  return bytes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildWasm();
