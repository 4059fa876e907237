import { defineConfig } from 'vitest/config';
import { exposeSwiftShader } from './scripts/lib/swiftshader.mjs';

exposeSwiftShader();

export default defineConfig({
  resolve: { conditions: ['@densessm/source'] },
  ssr: { resolve: { conditions: ['@densessm/source'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'examples/*.test.ts', 'tests/*.test.ts', 'docs/*/*.test.ts'],
    globalSetup: ['./packages/kernels/scripts/build-wasm.mjs'],
    setupFiles: ['./tests/setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    expect: { requireAssertions: true }, // also those that a shared suite makes, as describeSequenceModel
  },
});
