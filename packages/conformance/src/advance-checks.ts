import { disposeTree, tidyTree } from '@densessm/ssm-core';
import { advanceInPieces } from '@densessm/testing';
import { argMax, concat, dispose, reshape, slice, type Tensor, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';
import { compare, compareValues } from './compare';
import { compareLogits } from './forward-checks';
import { type LengthRecord, parallelBound, type Subject, stored, tokensOf } from './model-fixture';
import type { CheckResult, NamedTensor, StoredTensor } from './types';

/** The lengths of the pieces of a text. */
type Cut = (length: number) => number[];

/** Ways to cut a text: token by token, unevenly, and not at all. */
const CUTS: Readonly<Record<string, Cut>> = {
  'token by token': (length) => Array.from({ length }, () => 1),
  'in uneven pieces': (length) => unevenPieces(length),
  'in one piece': (length) => [length],
};

/** 1 + 5 + 27 + 1 + 5 + …, the last cut to fit. */
export function unevenPieces(length: number): number[] {
  const pieces: number[] = [];
  for (let left = length; left > 0; left -= pieces.at(-1) as number) pieces.push(Math.min(left, [1, 5, 27][pieces.length % 3] as number));
  return pieces;
}

/** `advance` over a text in every cut: step logits, final states, and agreement with `forward`. */
export async function* checkPieces(subject: Subject, length: number, record: LengthRecord): AsyncGenerator<CheckResult> {
  const { fixture, model, config, params } = subject;
  const tokens = tokensOf(fixture, `L${length}.input_ids`);
  const whole = tidy(() => model.forward(params, config, tokens));
  const wholeValues = await whole.data();
  const stepLogits = fixture.tensors.get(`L${length}.step_logits`);
  for (const [cut, pieces] of Object.entries(CUTS)) {
    const name = `L${length} ${cut}`;
    const [logits, state] = tidyTree(() => advanceInPieces(model, params, config, tokens, pieces(length)));
    if (!stepLogits) yield await compareLogits(subject, `${name}: logits`, length, record, logits, parallelBound(subject, record));
    yield compareValues(`${name}: agrees with forward`, wholeValues, await logits.data(), 1e-5, 'relativeRms');
    dispose(logits);
    disposeTree(state);
    yield* checkSteps(subject, tokens, pieces, name);
  }
  dispose([tokens, whole]);
}

/** What the reference stored of its step mode: logits where they are not those of its parallel mode, and final states. */
async function* checkSteps(subject: Subject, tokens: Tensor2D, pieces: Cut, name: string): AsyncGenerator<CheckResult> {
  const { family, fixture } = subject;
  const prefix = `L${tokens.shape[1]}`;
  const [logits, state] = tidyTree(() => asReferenceSteps(subject, tokens, pieces));
  const stepLogits = fixture.tensors.get(`${prefix}.step_logits`);
  if (stepLogits) yield await compare(`${name}: step logits`, stepLogits, logits.clone(), family.logits);
  const ours = tidyTree(() => family.state(state).map(([key, tensor]): NamedTensor => [key, tensor.clone()]));
  for (const [key, tensor] of ours) {
    const expected = fixture.tensors.get(`${prefix}.state.${key}`);
    if (expected) yield await compare(`${name}: state ${key}`, lastColumns(expected, tensor), tensor, family.logits, 'relative');
    else tensor.dispose();
  }
  dispose(logits);
  disposeTree(state);
}

/** `advance`, and where the reference computes something else from the second token on, that. */
function asReferenceSteps({ model, params, config, family }: Subject, tokens: Tensor2D, pieces: Cut): [Tensor3D, unknown] {
  const [batch, length] = tokens.shape;
  const later = family.laterSteps(config);
  if (later === config || length === 1) return advanceInPieces(model, params, config, tokens, pieces(length));
  const [first, state] = model.advance(params, config, slice(tokens, [0, 0], [batch, 1]), model.initialState(config, batch));
  const rest = slice(tokens, [0, 1], [batch, length - 1]);
  const [logits, last] = advanceInPieces(model, params, later, rest, pieces(length - 1), state);
  return [concat([first, logits], 1), last];
}

/** The reference keeps as many convolution inputs as the filter is wide; the oldest of them is never read again. */
function lastColumns(expected: StoredTensor, ours: Tensor): StoredTensor {
  const columns = expected.shape.at(-1) as number;
  const width = ours.shape.at(-1) as number;
  if (width >= columns) return expected;
  const kept = Array.from(expected.values).filter((_, i) => i % columns >= columns - width);
  return { shape: [...expected.shape.slice(0, -1), width], values: Float32Array.from(kept) };
}

/** Greedy continuation of the stored prompts: every token must be the stored one. */
export async function* checkGeneration(subject: Subject): AsyncGenerator<CheckResult> {
  const { fixture, model, config, params } = subject;
  const prompt = tokensOf(fixture, 'gen.prompt');
  const expected = stored(fixture, 'gen.tokens');
  const count = expected.shape[1] as number;
  const batch = prompt.shape[0];
  const chosen = tidy(() => {
    const tokens: Tensor2D[] = [];
    let [logits, state] = model.advance(params, config, prompt, model.initialState(config, batch));
    for (;;) {
      const last = slice(logits, [0, logits.shape[1] - 1, 0], [batch, 1, logits.shape[2]]);
      const next = reshape(argMax(last, 2), [batch, 1]) as Tensor2D;
      tokens.push(next);
      if (tokens.length === count) return concat(tokens, 1);
      [logits, state] = model.advance(params, config, next, state);
    }
  });
  const wrong = Array.from(await chosen.data()).filter((token, i) => token !== expected.values[i]).length;
  yield compareValues('greedy tokens that differ', [0], [wrong], 0);
  dispose([prompt, chosen]);
}
