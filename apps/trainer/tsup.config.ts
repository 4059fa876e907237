import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/cli.ts', 'src/recipe.ts'],
  format: 'esm',
  target: 'es2022',
  platform: 'node',
  dts: { entry: ['src/index.ts', 'src/cli.ts', 'src/recipe.ts'] },
  sourcemap: true,
  clean: true,
});
