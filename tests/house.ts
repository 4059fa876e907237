import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { root } from '../scripts/lib/command.mjs';

/** One source file: its path from the root, its lines and what it imports, requires or resolves. */
export interface SourceFile {
  readonly path: string;
  readonly isTest: boolean;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly string[];
}

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'generated', '.turbo']);
const CODE = /\.(ts|tsx|mts|mjs|js)$/;

function* filesIn(folder: string): Generator<string> {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) yield* filesIn(path);
    else if (entry.isFile() && CODE.test(entry.name)) yield path;
  }
}

/** Every source file in a folder, generated ones left out. */
export function sourceFiles(folder: string): SourceFile[] {
  return [...filesIn(join(root, folder))].map((file) => {
    const text = readFileSync(file, 'utf8');
    const resolved = [...text.matchAll(/\brequire(?:\.resolve)?\('([^']+)'\)/g)].map(([, name = '']) => name);
    const { importedFiles, typeReferenceDirectives } = ts.preProcessFile(text);
    const imports = [...[...importedFiles, ...typeReferenceDirectives].map(({ fileName }) => fileName), ...resolved];
    const path = relative(root, file).replaceAll('\\', '/');
    return { path, isTest: /\.(test|bench)\.ts$/.test(path), text, lines: text.trimEnd().split('\n').length, imports };
  });
}

/** `@scope/name` or `name` of an import that is not a relative path. */
export const packageOf = (specifier: string): string => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

/** Also `#name`, for which the package's own package.json names a module. */
export const isRelative = (specifier: string): boolean => /^[.#]/.test(specifier);
