import { defineConfig } from 'tsup';

export default defineConfig([
  {
    entry: {
      node: 'src/node.ts',
      browser: 'src/browser.ts',
      command: 'src/command.ts',
      web: 'src/web/index.ts',
      worker: 'src/worker/index.ts',
    },
    format: 'esm',
    target: 'es2022',
    platform: 'neutral',
    dts: { entry: { node: 'src/node.ts', browser: 'src/browser.ts', web: 'src/web/index.ts', worker: 'src/worker/index.ts' } },
    sourcemap: true,
    clean: true,
  },
  {
    // all in one file, which a page fetches as it is
    entry: { 'worker-script': 'src/worker/script.ts' },
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    noExternal: [/.*/],
    splitting: false,
    minify: true,
    sourcemap: false,
    clean: false,
  },
]);
