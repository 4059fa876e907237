/** Pages of the API, made by typedoc from every export of every published package. */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import {
  Application,
  Comment,
  Converter,
  type DeclarationReflection,
  type ProjectReflection,
  ReflectionKind,
  type SignatureReflection,
} from 'typedoc';
import { root } from '../../scripts/lib/command.mjs';
import { publicPackages } from '../../scripts/lib/workspace.mjs';

/** The name under which one imports something, and the source file behind it. */
interface Entry {
  readonly name: string;
  readonly file: string;
  /** What the package is, in a sentence. */
  readonly description: string;
}

/** Every entry of every published package but those that may change with any version. */
export function entriesOf(): Entry[] {
  return publicPackages().flatMap(({ folder, manifest }) => {
    const { exports, description } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      exports: Record<string, unknown>;
      description: string;
    };
    return Object.entries(exports).flatMap(([path, conditions]) => {
      const file = sourceIn(conditions);
      if (file === undefined || path.endsWith('/internal')) return [];
      return [{ name: manifest.name + path.slice(1), file: join(folder, file), description }];
    });
  });
}

/** The TypeScript file of an entry; of the front door that of Node. */
function sourceIn(conditions: unknown): string | undefined {
  const source = typeof conditions === 'object' && conditions !== null ? Reflect.get(conditions, '@densessm/source') : undefined;
  return typeof source === 'string' && source.endsWith('.ts') ? source : undefined;
}

/** Writes the pages and their tree, `typedoc-sidebar.json`, into `folder`. */
export async function writeApiPages(folder: string): Promise<number> {
  const entries = entriesOf().filter(({ file }) => existsSync(file));
  const app = await Application.bootstrapWithPlugins({
    name: 'API',
    plugin: ['typedoc-plugin-markdown', 'typedoc-vitepress-theme'],
    entryPoints: entries.map(({ file }) => file),
    tsconfig: join(root, 'docs', 'tsconfig.api.json'),
    basePath: root,
    readme: 'none',
    skipErrorChecking: true, // npm test checks types
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    disableGit: true,
    sourceLinkTemplate: `${repositoryUrl()}/blob/main/{path}#L{line}`,
    hideGenerator: true,
    groupOrder: ['Functions', 'Variables', 'Classes', 'Interfaces', 'Type Aliases', '*'],
    logLevel: 'Error',
    out: folder,
    cleanOutputDir: true,
    ...({
      docsRoot: join(root, 'docs'),
      entryFileName: 'index',
      outputFileStrategy: 'modules',
      useCodeBlocks: true,
      useHTMLAnchors: true, // VitePress numbers headings of one name in a way of its own
      expandObjects: false,
      parametersFormat: 'table',
      interfacePropertiesFormat: 'table',
      typeAliasPropertiesFormat: 'table',
      hidePageHeader: true,
      hideBreadcrumbs: false,
      sidebar: { autoConfiguration: true, format: 'vitepress', pretty: false, collapsed: true },
    } as object),
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    nameModules(context.project, entries);
    leaveOutOthers(context.project);
  });
  const project = await app.convert();
  if (project === undefined) throw new Error('typedoc found nothing to document');
  await app.generateOutputs(project);
  return entries.length;
}

function repositoryUrl(): string {
  const { repository } = JSON.parse(readFileSync(join(root, 'packages', 'densessm', 'package.json'), 'utf8')) as {
    repository: { url: string };
  };
  return repository.url.replace(/^git\+|\.git$/g, '');
}

/** Modules are called what one imports, not where their file lies. */
function nameModules(project: ProjectReflection, entries: readonly Entry[]): void {
  for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
    const entry = entries.find(({ file }) => {
      const path = relative(join(root), file).replaceAll('\\', '/').replace(/\.ts$/, '');
      return (
        path === module.name ||
        path.endsWith(`/${module.name}`) ||
        path === `${module.name}/index` ||
        path.endsWith(`/${module.name}/index`)
      );
    });
    if (entry === undefined) continue;
    module.name = entry.name;
    module.comment ??= new Comment([{ kind: 'text', text: `${entry.description}.` }]);
  }
}

/** What a class inherits from JavaScript itself is not ours to document. */
function leaveOutOthers(project: ProjectReflection): void {
  const members = project.getReflectionsByKind(ReflectionKind.SomeMember | ReflectionKind.SomeSignature);
  for (const member of members as (DeclarationReflection | SignatureReflection)[])
    if (member.sources?.every(({ fullFileName }) => fullFileName.includes('node_modules'))) project.removeReflection(member);
}
