import type { Token } from './grammar';

const SEPARATORS = ['Comma', 'Colon', 'Equals', 'ComparisonBinaryOperator', 'Text', 'Comment'];
const WORDS = ['and', 'or', 'not', 'in', 'if', 'else'];

/**
 * Puts brackets around `a ~ b` beside `+` and `-`: `~` binds tighter in Jinja, and alike in the library.
 * @param make a token like another
 */
export function groupConcatenations(tokens: readonly Token[], make: (like: Token, type: Token['type'], value: string) => Token): Token[] {
  const opens = new Set<number>();
  const closes = new Set<number>();
  const open: { start: number; operators: number[] }[] = [{ start: 0, operators: [] }];
  const finish = (end: number): void => {
    const { start, operators } = open.at(-1) as { start: number; operators: number[] };
    const isConcatenation = (at: number): boolean => tokens[at]?.value === '~';
    const sums = operators.filter((at) => !isConcatenation(at));
    const edges = [start - 1, ...sums, end];
    for (const [index, edge] of sums.length > 0 ? edges.slice(1).entries() : []) {
      const before = edges[index] as number;
      if (!operators.some((at) => isConcatenation(at) && at > before && at < edge)) continue;
      opens.add(before + 1);
      closes.add(edge);
    }
  };
  for (const [at, { type, value }] of tokens.entries()) {
    const isWord = type === 'Identifier' && tokens[at - 1]?.type !== 'Dot';
    if (/^Open/.test(type)) open.push({ start: at + 1, operators: [] });
    else if (/^Close/.test(type)) {
      finish(at);
      if (open.length > 1) open.pop();
    } else if (SEPARATORS.includes(type) || (isWord && (WORDS.includes(value) || tokens[at - 1]?.type === 'OpenStatement'))) {
      finish(at);
      open[open.length - 1] = { start: at + 1, operators: [] };
    } else if (type === 'AdditiveBinaryOperator') open.at(-1)?.operators.push(at);
  }
  return tokens.flatMap((token, at) => [
    ...(closes.has(at) ? [make(token, 'CloseParen', ')')] : []),
    ...(opens.has(at) ? [make(token, 'OpenParen', '(')] : []),
    token,
  ]);
}
