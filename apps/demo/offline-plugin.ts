import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build, type Plugin, type ResolvedConfig } from 'vite';

/** Weights are kept by the engine, in the browser's own file system, and read in ranges: they stay out of the worker's list. */
const APART = /^(models\/|service-worker\.js)/;

/** Builds the service worker beside the page, with the list of files that the page needs without a connection. */
export function offline(): Plugin {
  let config: ResolvedConfig;
  return {
    name: 'offline',
    apply: 'build',
    configResolved: (resolved) => {
      config = resolved;
    },
    closeBundle: async () => {
      const outDir = join(config.root, config.build.outDir);
      const files = filesIn(outDir).filter((path) => !APART.test(path));
      const hash = createHash('sha256');
      for (const path of files) hash.update(path).update(readFileSync(join(outDir, path)));
      await build({
        configFile: false,
        root: config.root,
        logLevel: 'warn',
        define: {
          FILES: JSON.stringify(['./', ...files.filter((path) => path !== 'index.html')]),
          VERSION: JSON.stringify(hash.digest('hex').slice(0, 12)),
        },
        build: {
          outDir,
          emptyOutDir: false,
          copyPublicDir: false,
          target: 'es2022',
          lib: { entry: 'src/service-worker.ts', formats: ['iife'], name: 'worker', fileName: () => 'service-worker.js' },
        },
      });
    },
  };
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}
