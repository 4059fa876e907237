import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/node.ts', 'src/browser.ts', 'src/command.ts'],
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  dts: { entry: ['src/node.ts', 'src/browser.ts'] },
  sourcemap: true,
  clean: true,
});
