/**
 * The types of every program that the documents show: JavaScript blocks as they stand, and the samples for browsers. Only these files are looked at: the
 * phase `types` checks the packages' sources, and the samples for Node.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { root } from '../../scripts/lib/command.mjs';
import { publicPackages } from '../../scripts/lib/workspace.mjs';
import { pagesOf } from './pages';

const docs = join(root, 'docs');
/** A page is no project of its own, so its programs may import what the site or the repository has. */
const PLACES = [docs, root, join(root, 'packages', 'densessm')];

interface Block {
  /** Where it would lie as a file of its own. */
  readonly path: string;
  readonly code: string;
  /** What a reader of a message looks for. */
  readonly place: string;
}

/** Every document with programs, but pages that are made from other sources. */
function documents(): string[] {
  const folders = [root, join(root, 'apps', 'trainer'), ...publicPackages().map(({ folder }) => folder)];
  const readmes = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  );
  return [...pagesOf().map((name) => join(docs, name)), ...readmes];
}

function blocksOf(file: string): Block[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map((match, i) => {
    const line = text.slice(0, match.index).split('\n').length + 1;
    return { path: `${file.replace(/\.md$/, '')}.block-${i + 1}.js`, code: match[1] ?? '', place: `${relative(root, file)}:${line}` };
  });
}

/**
 * What is said of JavaScript: modules, exports, names, members, options and the number of arguments. Whether a value fits a type is left to the run: there a
 * literal in an object is any string, and a tensor of TensorFlow.js has any rank.
 */
const NAMES = new Set([2304, 2305, 2307, 2339, 2353, 2551, 2552, 2554, 2555, 2561, 2613, 2614, 2724]);
/** Wrong on purpose: a page shows what is said then. */
const ON_PURPOSE = [
  ['docs/guides/errors.md', 'max_new_tokens'],
  ['docs/integrate/from-transformers-js.md', 'max_new_tokens'],
] as const;

const samplesIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((one) => {
    const path = join(folder, one.name);
    if (one.isDirectory()) return one.name === 'node_modules' ? [] : samplesIn(path);
    return /\.tsx?$/.test(one.name) ? [path] : [];
  });

const base = ts.parseJsonConfigFileContent(
  { extends: './tsconfig.base.json', compilerOptions: { types: ['node', 'vite/client', 'react'], jsx: 'react-jsx' }, files: [] },
  ts.sys,
  root,
).options;
/** Blocks are JavaScript: names, options, arguments and results are checked, not what only an annotation or a test for undefined could say. */
const blockOptions: ts.CompilerOptions = {
  ...base,
  ...{ allowJs: true, checkJs: true, maxNodeModuleJsDepth: 0 },
  ...{ noImplicitAny: false, strictNullChecks: false, noUncheckedIndexedAccess: false, useUnknownInCatchVariables: false },
};
const pageOptions: ts.CompilerOptions = { ...base, customConditions: ['browser', ...(base.customConditions ?? [])] };

const parsed = new Map<string, ts.SourceFile | undefined>();

/** A compiler's view of the disk on which blocks are files. Both compilers share what they have parsed. */
function hostOf(options: ts.CompilerOptions, blocks: ReadonlyMap<string, Block>): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  const cache = ts.createModuleResolutionCache(root, (name) => name, options);
  host.fileExists = (name) => blocks.has(name) || fileExists(name);
  host.readFile = (name) => blocks.get(name)?.code ?? readFile(name);
  host.getSourceFile = (name, version) => {
    if (!parsed.has(name)) {
      const code = blocks.get(name)?.code;
      parsed.set(name, code === undefined ? getSourceFile(name, version) : ts.createSourceFile(name, code, version, true));
    }
    return parsed.get(name);
  };
  host.resolveModuleNameLiterals = (names, from) => {
    const places = blocks.has(from) ? PLACES : [dirname(from)];
    return names.map(({ text }) => {
      const found = [...(text.startsWith('.') ? [dirname(from)] : places)].map((place) =>
        ts.resolveModuleName(text, join(place, 'block.ts'), options, host, cache),
      );
      return found.find(({ resolvedModule }) => resolvedModule !== undefined) ?? { resolvedModule: undefined };
    });
  };
  return host;
}

function errorsIn(files: readonly string[], options: ts.CompilerOptions, blocks: ReadonlyMap<string, Block>): string[] {
  const program = ts.createProgram([...files], options, hostOf(options, blocks));
  return files.flatMap((file) => {
    const source = program.getSourceFile(file);
    if (source === undefined) return [`${file}: not read`];
    const isBlock = blocks.has(file);
    const said = program
      .getSemanticDiagnostics(source)
      .filter(({ code, messageText }) => !isBlock || (NAMES.has(code) && isKnown(messageText)));
    return [...program.getSyntacticDiagnostics(source), ...said].map(({ start = 0, messageText }) => {
      const { line } = source.getLineAndCharacterOfPosition(start);
      const [page = '', first = '1'] = (blocks.get(file)?.place ?? `${relative(root, file)}:1`).split(':');
      return `${page}:${Number(first) + line}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
  });
}

/** Of a value that no declaration describes, or that tfjs-layers calls one tensor or several, nothing can be said. */
const isKnown = (text: string | ts.DiagnosticMessageChain): boolean =>
  !/on type '(unknown|object|Tensor<Rank> \| Tensor<Rank>\[\])'/.test(ts.flattenDiagnosticMessageText(text, ' '));

/** What the compiler says about blocks and samples, and how many it has read. */
export function typeErrors(): { count: number; errors: string[] } {
  const blocks = new Map(
    documents()
      .flatMap(blocksOf)
      .map((block) => [block.path, block]),
  );
  const pages = ['browser', 'next'].flatMap((folder) => samplesIn(join(docs, 'samples', folder)));
  const errors = [...errorsIn([...blocks.keys()], blockOptions, blocks), ...errorsIn(pages, pageOptions, new Map())];
  const onPurpose = (error: string): boolean => ON_PURPOSE.some(([page, word]) => error.startsWith(page) && error.includes(word));
  const missing = ON_PURPOSE.filter(([page, word]) => !errors.some((error) => error.startsWith(page) && error.includes(word)));
  return {
    count: blocks.size + pages.length,
    errors: [
      ...errors.filter((error) => !onPurpose(error)),
      ...missing.map(([page, word]) => `${page}: ${word} is wrong on purpose, and no error is found`),
    ],
  };
}
