import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import type { MarkdownRenderer } from 'vitepress';

/**
 * A block ```source with a file of the repository and names of what it declares is that code, so that an equation stands beside the function that computes
 * it. A name that is no longer there fails the build.
 */
export function sources(md: MarkdownRenderer, root: string): void {
  md.core.ruler.before('inline', 'sources', ({ tokens }) => {
    for (const token of tokens) {
      if (token.type !== 'fence' || token.info.trim() !== 'source') continue;
      const [file = '', ...names] = token.content.trim().split(/\s+/);
      token.info = `ts [${file}]`;
      token.content = `// ${file}\n${names.map((name) => declaration(join(root, file), name)).join('\n\n')}\n`;
    }
  });
}

/** What a file declares under a name, with the comment above it. */
function declaration(path: string, name: string): string {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const found = file.statements.find((statement) => namesOf(statement).includes(name));
  if (found === undefined) throw new Error(`${path} declares no ${name}, which a page shows`);
  const comments = ts.getJSDocCommentsAndTags(found);
  return file.text.slice(comments[0]?.pos ?? found.getStart(), found.end).trim();
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map((one) => one.name.getText());
  const { name } = statement as ts.DeclarationStatement;
  return name === undefined ? [] : [name.getText()];
}
