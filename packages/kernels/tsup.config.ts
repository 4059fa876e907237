import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/decode.ts', 'src/internal.ts', 'src/wasm.ts', 'src/webgpu.ts', 'src/runtime.ts', 'src/checks.ts'],
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  dts: true,
  sourcemap: true,
  clean: true,
});
