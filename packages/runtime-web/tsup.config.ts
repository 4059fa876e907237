import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/messages.ts'],
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  external: ['#gradients'], // package.json says what it is, in a page and in Node
  dts: true,
  sourcemap: true,
  clean: true,
});
