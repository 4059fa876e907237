/** Measures of a model on texts. Tasks and metrics are named and defined as in EleutherAI's lm-evaluation-harness. */
import { isObject } from '@densessm/ssm-core/plain';
import type { ModelBundle } from '../bundle';
import { badDocument, type Documents, inGroups, mean, refuseNone, standardError, textOf } from './documents';
import { type Loglikelihood, loglikelihoods, loglikelihoodsOfPairs, type RollingOptions, rollingLoglikelihoods } from './loglikelihood';
import { wordsOf } from './python-space';
import type { EvaluationOptions } from './score';

/** What to call a document of a group in errors. */
const named =
  (task: string, first: number) =>
  (index: number): string =>
    `${task}: document ${first + index}`;

/** Documents that are held at once, to find some of similar length among them. */
const HELD = 256;

export interface Perplexity {
  readonly word_perplexity: number;
  readonly byte_perplexity: number;
  readonly bits_per_byte: number;
  /** Of this tokenizer's tokens, so not to be compared between tokenizers. */
  readonly token_perplexity: number;
  readonly loglikelihood: number;
  readonly words: number;
  readonly bytes: number;
  readonly tokens: number;
  readonly documents: number;
  /** What the sums are made of, document by document. */
  readonly samples: readonly { readonly loglikelihood: number; readonly words: number; readonly bytes: number; readonly tokens: number }[];
}

/**
 * Perplexity per word, byte and token over some texts: exp of minus the sum of all log-likelihoods by the number of all.
 * @throws SsmError OPTION, TOKENS, FILE
 */
export async function perplexity(
  bundle: ModelBundle,
  documents: Documents<string | { text: string }>,
  options: RollingOptions = {},
): Promise<Perplexity> {
  const samples: Perplexity['samples'][number][] = [];
  for await (const group of inGroups(documents, HELD)) {
    const texts = group.map((document, i) => someText(document, samples.length + i));
    for (const [i, { logprob, tokens }] of (
      await rollingLoglikelihoods(named('perplexity', samples.length), bundle, texts, options)
    ).entries()) {
      const text = texts[i] as string;
      samples.push({ loglikelihood: logprob, words: wordsOf(text), bytes: new TextEncoder().encode(text).length, tokens });
    }
  }
  refuseNone('perplexity', samples.length);
  const all = (key: keyof (typeof samples)[number]): number => samples.reduce((sum, sample) => sum + sample[key], 0);
  const [total, words, bytes, tokens] = [all('loglikelihood'), all('words'), all('bytes'), all('tokens')];
  return {
    word_perplexity: Math.exp(-total / words),
    byte_perplexity: Math.exp(-total / bytes),
    bits_per_byte: -total / bytes / Math.LN2,
    token_perplexity: Math.exp(-total / tokens),
    loglikelihood: total,
    ...{ words, bytes, tokens, documents: samples.length, samples },
  };
}

function someText(document: unknown, index: number): string {
  const text = textOf('perplexity', document, index);
  if (text === '') throw badDocument('perplexity', index, 'a text that is not empty', document);
  return text;
}

export interface LambadaResult {
  readonly task: 'lambada_openai';
  /** Share of texts whose last word greedy generation gives. */
  readonly acc: number;
  readonly acc_stderr: number | undefined;
  /** exp of minus the mean log-likelihood of the last word. */
  readonly perplexity: number;
  readonly documents: number;
  /** Of each text's last word. */
  readonly samples: readonly Loglikelihood[];
}

/**
 * LAMBADA, Paperno et al. 2016, arXiv:1606.06031: guess the last word of a text. The word is scored with the space before it.
 * @throws SsmError OPTION, TOKENS, FILE
 */
export async function lambada(
  bundle: ModelBundle,
  documents: Documents<{ text: string }>,
  options: EvaluationOptions = {},
): Promise<LambadaResult> {
  const samples: Loglikelihood[] = [];
  for await (const group of inGroups(documents, HELD)) {
    const pairs = group.map((document, i) => beforeLastWord(document, samples.length + i));
    samples.push(...(await loglikelihoodsOfPairs(named('lambada', samples.length), bundle, pairs, options)));
  }
  refuseNone('lambada', samples.length);
  const right = samples.map(({ isGreedy }) => (isGreedy ? 1 : 0));
  const perplexity = Math.exp(-mean(samples.map(({ logprob }) => logprob)));
  return { task: 'lambada_openai', acc: mean(right), acc_stderr: standardError(right), perplexity, documents: samples.length, samples };
}

function beforeLastWord(document: unknown, index: number): [context: string, word: string] {
  const text = textOf('lambada', document, index);
  const cut = text.lastIndexOf(' ');
  if (cut < 0) throw badDocument('lambada', index, 'a text of two words or more', text);
  return [text.slice(0, cut), text.slice(cut)];
}

/** A question as lm-evaluation-harness prepares it. */
export interface Question {
  readonly query: string;
  readonly choices: readonly string[];
  /** Index of the right choice. */
  readonly gold: number;
}

export interface MultipleChoiceResult {
  /** Share of questions whose right choice is the most likely. */
  readonly acc: number;
  readonly acc_stderr: number | undefined;
  /** The same by log-likelihood per character. */
  readonly acc_norm: number;
  readonly acc_norm_stderr: number | undefined;
  readonly documents: number;
  /** The log-likelihood of each choice of each question, which was right, and whether one was {@link Loglikelihood.encodedAlone}. */
  readonly samples: readonly { readonly logprobs: readonly number[]; readonly gold: number; readonly encodedAlone: boolean }[];
}

/**
 * Multiple choice: each choice is scored after the query and a space, the best wins, the first of equal ones. A query is read once,
 * and its choices are read together from there.
 * @throws SsmError FILE for a question without its parts, OPTION, TOKENS
 */
export async function multipleChoice(
  bundle: ModelBundle,
  questions: Documents<unknown>,
  options: EvaluationOptions = {},
): Promise<MultipleChoiceResult> {
  const right: number[] = [];
  const rightByLength: number[] = [];
  const samples: MultipleChoiceResult['samples'][number][] = [];
  for await (const question of questions) {
    const { query, choices, gold } = questionOf(question, right.length);
    const answers = choices.map((choice) => ` ${choice}`);
    const found = await loglikelihoods(named('multipleChoice', right.length)(0), bundle, query, answers, options);
    const scores = found.map(({ logprob }) => logprob);
    const perCharacter = scores.map((score, i) => score / [...(choices[i] as string)].length); // Python counts code points
    samples.push({ logprobs: scores, gold, encodedAlone: found.some(({ encodedAlone }) => encodedAlone) });
    right.push(bestOf(scores) === gold ? 1 : 0);
    rightByLength.push(bestOf(perCharacter) === gold ? 1 : 0);
  }
  refuseNone('multipleChoice', right.length);
  return {
    acc: mean(right),
    acc_stderr: standardError(right),
    acc_norm: mean(rightByLength),
    acc_norm_stderr: standardError(rightByLength),
    documents: right.length,
    samples,
  };
}

const bestOf = (scores: readonly number[]): number => scores.indexOf(Math.max(...scores));

function questionOf(question: unknown, index: number): Question {
  const { query, choices, gold } = (isObject(question) ? question : {}) as Partial<Question>;
  const hasChoices = Array.isArray(choices) && choices.length > 0 && choices.every((one) => typeof one === 'string' && one !== '');
  if (typeof query === 'string' && hasChoices && Number.isInteger(gold) && choices[gold as number] !== undefined)
    return { query, choices, gold: gold as number };
  throw badDocument('multipleChoice', index, '{ query, choices, gold }, gold the index of a choice', question);
}
