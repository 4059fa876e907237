import { commit } from '../lib/results';

/** One file of everything that the program needs, for a machine without Node modules. */
export default {
  entry: { main: 'bench/gpu.ts' },
  outDir: '.gpu',
  outExtension: () => ({ js: '.mjs' }),
  format: 'esm',
  target: 'node20',
  platform: 'node',
  splitting: false,
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" }, // tfjs requires Node's own modules
  noExternal: [/.*/],
  define: { BUILT_FROM: JSON.stringify(commit()) },
  esbuildOptions: (options: { conditions?: string[]; mainFields?: string[] }) => {
    options.conditions = ['@densessm/source'];
    options.mainFields = ['module', 'main']; // tfjs as ES modules, so that there is one copy of its core
  },
};
