/**
 * Bundles the gradients of tfjs's own operations into generated/gradients.cjs (140 KB). tfjs-core has them only as modules that Node cannot
 * import, and `@tensorflow/tfjs` brings them with 237 MB of layers, converters and data. Does nothing where tfjs-core is the one of last time.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, 'generated/gradients.cjs');
const { version } = createRequire(import.meta.url)('@tensorflow/tfjs-core/package.json');
const stamp = `// Made by scripts/build-gradients.mjs from @tensorflow/tfjs-core ${version}\n`;

if (!existsSync(target) || !readFileSync(target, 'utf8').startsWith(stamp))
  await build({
    entryPoints: ['@tensorflow/tfjs-core/dist/register_all_gradients'],
    absWorkingDir: root,
    outfile: target,
    banner: { js: stamp.trimEnd() },
    bundle: true,
    minify: true,
    legalComments: 'eof',
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    logLevel: 'error',
  });
