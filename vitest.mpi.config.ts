import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config';

/** Tests that start several processes with mpirun. */
export default mergeConfig(
  { ...base, test: { ...base.test, projects: undefined } },
  defineConfig({ test: { include: ['tests/mpi/*.test.ts'], setupFiles: ['./tests/setup.ts'], maxWorkers: 1 } }),
);
