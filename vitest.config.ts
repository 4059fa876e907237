import { defineConfig } from 'vitest/config';
import { exposeSwiftShader } from './scripts/lib/swiftshader.mjs';

exposeSwiftShader();

/** Tests of texts, commands and the tree, which start a backend themselves where they need one; to load one takes each file a second. */
const TEXTS = [
  ...['packages/tokenizer/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'docs/*/*.test.ts'],
  'tests/{architecture,documents,fuzz,kernel-folders,phases,program-for}.test.ts',
];

export default defineConfig({
  resolve: { conditions: ['@densessm/source'] },
  ssr: { resolve: { conditions: ['@densessm/source'] } },
  test: {
    globalSetup: ['./packages/kernels/scripts/build-wasm.mjs'],
    pool: 'forks',
    maxWorkers: 2,
    // Bounds for what hangs: no test may depend on how fast the machine is.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // Assertions are required also of those tests that a shared suite makes, as describeSequenceModel.
    expect: { requireAssertions: true, poll: { timeout: 300_000 } },
    projects: [
      { extends: true, test: { name: 'texts', include: TEXTS } },
      {
        extends: true,
        test: {
          name: 'tensors',
          include: ['packages/*/src/**/*.test.ts', 'examples/*.test.ts', 'tests/*.test.ts'],
          exclude: TEXTS,
          setupFiles: ['./tests/setup.ts'],
        },
      },
    ],
  },
});
