import type { tokenize } from '@huggingface/jinja';
import { TemplateError } from './values';

export type Token = ReturnType<typeof tokenize>[number];

/** Marks a test that was rewritten as a filter: `x is even` as `x | is:even`. */
export const TEST = 'is:';
export const NEGATED_TEST = 'is not:';

export const OPERATORS = ['and', 'or', 'not', 'in', 'if', 'else', 'is'];
const BEFORE_VALUES = ['OpenParen', 'OpenSquareBracket', 'OpenCurlyBracket', 'OpenExpression', 'Comma', 'Colon', 'Equals'];
/** Variables of Jinja's macros and blocks that have no counterpart here: without this they would count as undefined. */
const UNSUPPORTED = ['varargs', 'kwargs', 'self', 'super'];

/** Filters and tests of Jinja 3.1, those that are not supported, too: others are an error even where they are not reached. */
const FILTERS = new Set(
  (
    'abs attr batch capitalize center count d default dictsort e escape filesizeformat first float forceescape format groupby indent ' +
    'int items join last length list lower map max min pprint random reject rejectattr replace reverse round safe select selectattr ' +
    'slice sort string striptags sum title tojson trim truncate unique upper urlencode urlize wordcount wordwrap xmlattr'
  ).split(' '),
);
const TESTS = new Set(
  (
    'boolean callable defined divisibleby eq equalto escaped even false filter float ge greaterthan gt in integer iterable le ' +
    'lessthan lower lt mapping ne none number odd sameas sequence string test true undefined upper'
  ).split(' '),
);

/**
 * Refuses what the library's parser takes and Jinja does not: two values without a comma or operator between them, and slices
 * of more than three parts. Tests have been rewritten as filters.
 * @throws TemplateError
 */
export function checkGrammar(tokens: readonly Token[]): void {
  for (const [at, token] of tokens.entries()) {
    const before = tokens[at - 1]?.type ?? '';
    if (before === 'Pipe') checkName(token);
    if (BEFORE_VALUES.includes(before) && isOperator(tokens, at) && token.value !== 'not')
      throw new TemplateError(`a value is missing before ${token.value}`);
    const isStray = token.value === 'not' && isOperator(tokens, at) && endsValue(tokens, at - 1) && tokens[at + 1]?.value !== 'in';
    if (isStray) throw new TemplateError('an operator is missing before not');
    if (before === 'Dot' && !/^\w/.test(token.value)) throw new TemplateError('a name is missing after a dot');
    if (token.type === 'NumericLiteral' && /^0\d/.test(token.value)) throw new TemplateError(`${token.value} is no number`);
    if (isVariable(tokens, at) && UNSUPPORTED.includes(token.value) && tokens[at + 1]?.type !== 'Equals')
      throw new TemplateError(`the variable ${token.value} is not supported`);
    const isText = token.type === 'StringLiteral' && tokens[at - 1]?.type === 'StringLiteral';
    if (beginsValue(tokens, at) && endsValue(tokens, at - 1) && !isText && !isAfterCallArguments(tokens, at))
      throw new TemplateError(`a comma or an operator is missing before ${token.value}`);
  }
  refuseLongSlices(tokens);
}

function checkName({ value }: Token): void {
  const test = value.startsWith(TEST) ? value.slice(TEST.length) : value.startsWith(NEGATED_TEST) ? value.slice(NEGATED_TEST.length) : null;
  if (test === null && !FILTERS.has(value)) throw new TemplateError(`there is no filter ${value}`);
  if (test !== null && !TESTS.has(test)) throw new TemplateError(`there is no test ${test}`);
}

/** An identifier that is no attribute, operator or name of a statement. */
function isVariable(tokens: readonly Token[], at: number): boolean {
  const [before, token] = [tokens[at - 1], tokens[at]];
  if (token?.type !== 'Identifier' || before?.type === 'OpenStatement') return false;
  return before?.type !== 'Dot' && !OPERATORS.includes(token.value);
}

const isOperator = (tokens: readonly Token[], at: number): boolean =>
  tokens[at]?.type === 'Identifier' && tokens[at - 1]?.type !== 'Dot' && OPERATORS.includes(tokens[at].value);

const beginsValue = (tokens: readonly Token[], at: number): boolean =>
  ['NumericLiteral', 'StringLiteral', 'OpenCurlyBracket'].includes(tokens[at]?.type ?? '') || isVariable(tokens, at);

const endsValue = (tokens: readonly Token[], at: number): boolean =>
  ['NumericLiteral', 'StringLiteral', 'CloseParen', 'CloseSquareBracket', 'CloseCurlyBracket'].includes(tokens[at]?.type ?? '') ||
  isVariable(tokens, at) ||
  (tokens[at]?.type === 'Identifier' && tokens[at - 1]?.type === 'Dot');

/** `{% call(item) list() %}` has no comma. */
function isAfterCallArguments(tokens: readonly Token[], at: number): boolean {
  const start = tokens.findLastIndex(({ type }, index) => index < at && type === 'OpenStatement');
  if (tokens[start + 1]?.value !== 'call' || tokens[start + 2]?.type !== 'OpenParen') return false;
  return tokens.slice(start + 2, at - 1).every(({ type }) => type !== 'CloseParen');
}

function refuseLongSlices(tokens: readonly Token[]): void {
  const colons: number[] = [];
  for (const { type } of tokens) {
    if (/^Open/.test(type)) colons.push(type === 'OpenSquareBracket' ? 0 : Number.NEGATIVE_INFINITY);
    else if (/^Close/.test(type)) colons.pop();
    else if (type === 'Colon') {
      const count = (colons.pop() ?? 0) + 1;
      colons.push(count);
      if (count > 2) throw new TemplateError('a slice has at most three parts');
    }
  }
}
