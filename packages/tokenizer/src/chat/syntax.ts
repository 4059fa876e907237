import { parse, tokenize } from '@huggingface/jinja';
import { checkSource } from './budget';
import { groupConcatenations } from './concatenation';
import { checkGrammar, NEGATED_TEST, TEST, type Token } from './grammar';
import { TemplateError } from './values';

/** A node of the library's tree, as far as it is read here. */
export interface Node {
  type: string;
}
export type Named = Node & { value: string };
export type Parameter = Named & { key: Named; value: string | Node };

/**
 * The statements of a template, by the lexer and parser of @huggingface/jinja. What these read otherwise than Jinja is rewritten
 * before (line ends, tests with arguments) or refused (chained comparisons, text like tags at line ends, missing commas).
 * @throws Error where the template is none
 */
export function parseTemplate(source: string): Node[] {
  checkSource(source);
  const text = source.replace(/\r\n?/g, '\n');
  refuseMisread(text);
  const tokens = tokenize(text, { lstrip_blocks: true, trim_blocks: true });
  refuseTagEnds(text, tokens);
  refuseChains(tokens);
  const rewritten = testsAsFilters(tokens);
  checkGrammar(rewritten);
  return parse(groupConcatenations(rewritten, make)).body as unknown as Node[];
}

/** The library's whitespace rules take `{-` after an indent and `-}` before a line end for parts of tags. */
function refuseMisread(text: string): void {
  if (/^[ \t]+\{-|(?<![%}#])-\}\n/m.test(text)) throw new TemplateError('braces with a minus at the ends of lines are not supported');
}

/** The library removes a line end after `%}` and `#}` in texts and strings, too. */
function refuseTagEnds(source: string, tokens: readonly Token[]): void {
  const isMisread = ({ type, value }: Token): boolean =>
    /[%#]\}/.test(value) && (type === 'Text' || (type === 'StringLiteral' && !source.includes(value)));
  if (tokens.some(isMisread)) throw new TemplateError('ends of tags within text are not supported');
}

/** `a < b < c` means `a < b and b < c`, which the library's tree does not tell from `(a < b) < c`. */
function refuseChains(tokens: readonly Token[]): void {
  let hasComparison = [false];
  tokens.forEach(({ type, value }, index) => {
    const isOpening = /^Open/.test(type);
    if (isOpening) hasComparison.push(false);
    else if (/^Close/.test(type)) hasComparison = hasComparison.length > 1 ? hasComparison.slice(0, -1) : [false];
    const isWord = type === 'Identifier' && tokens[index - 1]?.type !== 'Dot';
    const isIn = isWord && value === 'in' && tokens[index - 1]?.value !== 'is';
    if (type === 'ComparisonBinaryOperator' || (isIn && !isForIn(tokens, index))) {
      if (hasComparison.at(-1)) throw new TemplateError('chained comparisons such as a < b < c are not supported: write a < b and b < c');
      hasComparison[hasComparison.length - 1] = true;
    }
    const separates =
      ['Comma', 'Colon', 'Equals', 'Comment', 'Text'].includes(type) ||
      (isWord && ['and', 'or', 'if', 'else', 'not'].includes(value) && !(value === 'not' && tokens[index + 1]?.value === 'in'));
    if (separates) hasComparison[hasComparison.length - 1] = false;
  });
}

/** The `in` of a loop is no comparison. */
function isForIn(tokens: readonly Token[], index: number): boolean {
  let at = index - 1;
  while (at >= 0 && tokens[at]?.type !== 'OpenStatement') at--;
  if (tokens[at + 1]?.value !== 'for') return false;
  return !tokens.slice(at + 2, index).some(({ value, type }) => type === 'Identifier' && value === 'in');
}

const make = (like: Token, type: Token['type'], value: string): Token =>
  Object.assign(Object.create(Object.getPrototypeOf(like)), { type, value });

/** Rewrites `x is [not] name(args)` and `x is [not] name arg`, which the library cannot parse, as filters, which bind alike. */
function testsAsFilters(tokens: readonly Token[]): Token[] {
  const out: Token[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    const isTest = token.type === 'Identifier' && token.value === 'is' && !['Dot', 'OpenStatement'].includes(tokens[at - 1]?.type ?? '');
    if (!isTest) {
      out.push(token);
      continue;
    }
    const isNegated = tokens[at + 1]?.value === 'not';
    const name = tokens[at + (isNegated ? 2 : 1)];
    if (name?.type !== 'Identifier') throw new TemplateError('a test without a name');
    at += isNegated ? 2 : 1;
    out.push(make(token, 'Pipe', '|'), make(token, 'Identifier', (isNegated ? NEGATED_TEST : TEST) + name.value));
    if (NOT_AFTER_TESTS.includes(tokens[at + 1]?.value ?? ''))
      throw new TemplateError(`Jinja takes no ${tokens[at + 1]?.value} after a test`);
    const end = argumentEnd(tokens, at + 1);
    if (end <= at + 1 || tokens[at + 1]?.type === 'OpenParen') continue;
    out.push(make(token, 'OpenParen', '('), ...testsAsFilters(tokens.slice(at + 1, end)), make(token, 'CloseParen', ')'));
    at = end - 1;
  }
  return out;
}

const WORDS = ['and', 'or', 'else'];
/** Jinja takes these for the argument of a test. */
const NOT_AFTER_TESTS = ['if', 'in', 'not', 'is', 'recursive'];

/** Where the one argument without parentheses of a test ends: a literal, name or bracket with what follows it. */
function argumentEnd(tokens: readonly Token[], start: number): number {
  const first = tokens[start];
  const isWord = first?.type === 'Identifier' && !WORDS.includes(first.value);
  if (!first || !(isWord || ['StringLiteral', 'NumericLiteral', 'OpenSquareBracket', 'OpenCurlyBracket', 'OpenParen'].includes(first.type)))
    return start;
  let at = /^Open/.test(first.type) ? closing(tokens, start) + 1 : start + 1;
  for (;;) {
    const type = tokens[at]?.type;
    if (type === 'Dot') at += 2;
    else if (type === 'OpenParen' || type === 'OpenSquareBracket') at = closing(tokens, at) + 1;
    else return at;
  }
}

function closing(tokens: readonly Token[], start: number): number {
  let depth = 0;
  for (let at = start; at < tokens.length; at++) {
    const type = tokens[at]?.type ?? '';
    if (/^Open(Paren|Square|Curly)/.test(type)) depth++;
    else if (/^Close(Paren|Square|Curly)/.test(type) && --depth === 0) return at;
  }
  throw new TemplateError('a bracket is not closed');
}
