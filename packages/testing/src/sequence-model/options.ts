import { linear } from '@densessm/kernels';
import { disposeTree, type LayersOf, mapTree, type SequenceModel, tensorsOf, tidyTree, valueAndGrads } from '@densessm/ssm-core';
import {
  add,
  concat,
  mean,
  memory,
  type Scalar,
  slice,
  square,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  tensor2d,
} from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { expectClose } from '../expect-close';
import { keptForBackward } from '../kept-for-backward';
import { expectSameGradients, someTokens } from './parts';

/** A model under test with parameters and tokens [B, T], all made anew for every test. */
type Start<C, P> = () => Promise<{ config: C; params: P; tokens: Tensor2D }>;

/** What the options of a call mean, the same in every model. Call it inside a `describe`. */
export function itTakesOptions<C, P extends object, S extends object>(
  model: SequenceModel<C, P, S>,
  start: Start<C, P>,
  tolerance: number,
): void {
  itGivesLastLogits(model, start, tolerance);
  itLeavesOutItsHead(model, start);
  itRunsItsLayersAlone(model, start, tolerance);
  itStartsAnew(model, start, tolerance);
  itRecomputes(model, start);
  itLearnsFromAState(model, start, tolerance);
}

function itGivesLastLogits<C, P extends object, S extends object>(
  model: SequenceModel<C, P, S>,
  start: Start<C, P>,
  tolerance: number,
): void {
  it("gives the last position's logits alone where asked, gradients and state included", async () => {
    const { config, params, tokens } = await start();
    const [batch, length] = tokens.shape;
    const state = model.initialState(config, batch);
    const lastOf = (logits: Tensor3D): Tensor3D => slice(logits, [0, length - 1, 0], [batch, 1, -1]);
    const [fromAll, next] = tidyTree(() => model.advance(params, config, tokens, state));
    const [fromLast, sameNext] = tidyTree(() => model.advance(params, config, tokens, state, { logits: 'last' }));
    const last = model.forward(params, config, tokens, { logits: 'last' });
    const want = lastOf(fromAll);
    for (const logits of [fromLast, last]) await expectClose('logits', want, logits, tolerance);
    await expectEqual(next, sameNext);
    await expectSameGradients(
      params,
      last,
      10 * tolerance,
      (current) => lastOf(model.forward(current, config, tokens)),
      (current) => model.forward(current, config, tokens, { logits: 'last' }),
    );
    const first = () => model.forward(params, config, tokens, { logits: 'first' as 'last' });
    expect(first).toThrow(expect.objectContaining({ code: 'OPTION' }));
    disposeTree([params, tokens, state, fromAll, next, fromLast, sameNext, last, want]);
  });
}

/** Only where a model has them: one of one's own need not. */
function itRunsItsLayersAlone<C, P extends object, S extends object>(
  model: SequenceModel<C, P, S>,
  start: Start<C, P>,
  tolerance: number,
): void {
  const { runLayers } = model;
  if (runLayers === undefined) return;
  it('runs its layers alone as within the model, and refuses vectors of another width', async () => {
    const { config, params, tokens } = await start();
    const states = model.hiddenStates(params, config, tokens);
    const { layers } = params as unknown as { layers: LayersOf<P> };
    const alone = runLayers(layers, config, states.embeddings);
    await expectClose('layers', states.layers.at(-1) as Tensor3D, alone, tolerance);
    const narrow = slice(states.embeddings, [0, 0, 0], [-1, -1, 1]);
    expect(() => runLayers(layers, config, narrow)).toThrow(expect.objectContaining({ code: 'SHAPE' }));
    disposeTree([params, tokens, states, alone, narrow]);
  });
}

function itLeavesOutItsHead<C, P extends object, S extends object>(model: SequenceModel<C, P, S>, start: Start<C, P>): void {
  it('shows its head, and what that reads where asked, state included', async () => {
    const { config, params, tokens } = await start();
    const state = model.initialState(config, tokens.shape[0]);
    const head = model.head?.(params) as Tensor2D;
    const { final, logits, ...others } = model.hiddenStates(params, config, tokens);
    const [read, next] = tidyTree(() => model.advance(params, config, tokens, state, { logits: 'none' }));
    const [, sameNext] = tidyTree(() => model.advance(params, config, tokens, state));
    const also = model.forward(params, config, tokens, { logits: 'none' });
    const again = linear({ x: read, w: head });
    await expectEqual({ final, logits, next: sameNext }, { final: also, logits: again, next });
    disposeTree([params, tokens, state, final, logits, others, read, next, sameNext, also, again]);
  });
}

/** Where the texts of two rows start: at the first token, twice in a row, and in rows and pieces at different places. */
const STARTS: readonly (readonly number[])[] = [
  [0, 5, 10, 11, 19],
  [14, 27],
];
/** Pieces of 31 tokens: the first and the last hold no start. */
const PIECES = [5, 1, 5, 17, 3];
const WHOLE = 31;

/** 1 at the tokens of `row` of {@link STARTS} from `first` on. */
const marks = (first: number, count: number): number[][] =>
  STARTS.map((row) => Array.from({ length: count }, (_, t) => Number(row.includes(first + t))));

function itStartsAnew<C, P extends object, S extends object>(model: SequenceModel<C, P, S>, start: Start<C, P>, tolerance: number): void {
  it('reads texts behind one another as each by itself where starts tell them apart, gradients and carried states included', async () => {
    const { config, params, tokens: few } = await start();
    const vocabSize = Math.max(...(await few.data())) + 1;
    const tokens = someTokens(STARTS.length, WHOLE, vocabSize);
    const apart = (current: P): Tensor3D =>
      concat(
        STARTS.map((row, b) => textsApart(model, current, config, slice(tokens, [b, 0], [1, WHOLE]), row)),
        0,
      );
    const packed = (current: P): Tensor3D =>
      model.forward(current, config, tokens, { documentStarts: tensor2d(marks(0, WHOLE), [STARTS.length, WHOLE], 'int32'), chunkSize: 4 });
    const inPieces = (current: P): Tensor3D => piecesWithStarts(model, current, config, tokens);
    const want = tidyTree(() => apart(params));
    for (const some of [packed, inPieces]) {
      const got = tidyTree(() => some(params));
      await expectClose('logits', want, got, 10 * tolerance);
      disposeTree(got);
    }
    await expectSameGradients(params, want, 10 * tolerance, apart, packed, inPieces);
    disposeTree([params, few, tokens, want]);
  });

  it('refuses starts that are not those of the tokens', async () => {
    const { config, params, tokens } = await start();
    const [batch, length] = tokens.shape;
    const forward = (values: number[][]) => () =>
      tidyTree(() => model.forward(params, config, tokens, { documentStarts: tensor2d(values) }));
    const rows = (width: number, value: number) => Array.from({ length: batch }, () => Array.from({ length: width }, () => value));
    expect(forward(rows(length - 1, 0))).toThrow(expect.objectContaining({ code: 'SHAPE' }));
    expect(forward(rows(length, 2))).toThrow(expect.objectContaining({ code: 'OPTION' }));
    disposeTree([params, tokens]);
  });
}

/** The texts of one row, each read by itself: all logits. */
function textsApart<C, P, S>(
  model: SequenceModel<C, P, S>,
  params: P,
  config: C,
  row: Tensor2D,
  documentStarts: readonly number[],
): Tensor3D {
  const borders = [...new Set([0, ...documentStarts]), row.shape[1]];
  const texts = borders.slice(1).map((end, i) => slice(row, [0, borders[i] as number], [1, end - (borders[i] as number)]));
  return concat(
    texts.map((text) => model.forward(params, config, text)),
    1,
  );
}

function piecesWithStarts<C, P, S>(model: SequenceModel<C, P, S>, params: P, config: C, tokens: Tensor2D): Tensor3D {
  let state = model.initialState(config, tokens.shape[0]);
  let first = 0;
  const parts: Tensor3D[] = [];
  for (const length of PIECES) {
    const values = first === 0 ? undefined : marks(first, length);
    const documentStarts = values?.flat().includes(1) ? tensor2d(values) : undefined;
    const [logits, next] = model.advance(params, config, slice(tokens, [0, first], [-1, length]), state, { documentStarts, chunkSize: 3 });
    parts.push(logits);
    state = next;
    first += length;
  }
  return concat(parts, 1);
}

function itRecomputes<C, P extends object, S extends object>(model: SequenceModel<C, P, S>, start: Start<C, P>): void {
  it('has the same logits, states and gradients where layers are computed again, for less memory', async () => {
    const { config, params, tokens } = await start();
    const state = model.initialState(config, tokens.shape[0]);
    const documentStarts = tensor2d([marks(0, tokens.shape[1])[0], marks(0, tokens.shape[1])[1]] as number[][]);
    const loss = (recompute: boolean) => (current: P) =>
      tidyTree(() => {
        const [logits, next] = model.advance(current, config, tokens, state, { documentStarts, recompute });
        return [...tensorsOf(next)].reduce<Tensor>((total, [, one]) => add(total, mean(square(one))), mean(square(logits))) as Scalar;
      });
    const before = memory().numTensors;
    const results = [false, true].map((recompute) => valueAndGrads(loss(recompute), params));
    await expectEqual(results[0], results[1]);
    disposeTree(results);
    expect(memory().numTensors).toBe(before);
    const [all, again] = [false, true].map((recompute) => keptForBackward(loss(recompute), params).bytes) as [number, number];
    expect(again).toBeLessThan(0.6 * all);
    disposeTree([params, tokens, state, documentStarts]);
  });
}

function itLearnsFromAState<C, P extends object, S extends object>(
  model: SequenceModel<C, P, S>,
  start: Start<C, P>,
  tolerance: number,
): void {
  it('differentiates a continuation with its state as a constant, or through it', async () => {
    const { config, params, tokens } = await start();
    const [, length] = tokens.shape;
    const cut = Math.floor(length / 2);
    const [left, right] = [slice(tokens, [0, 0], [-1, cut]), slice(tokens, [0, cut], [-1, length - cut])];
    const through = (first: P, second: P): Scalar =>
      tidyTree(() => {
        const [, state] = model.advance(first, config, left, model.initialState(config, tokens.shape[0]));
        return mean(square(model.advance(second, config, right, state)[0]));
      });
    const state = tidyTree(() => model.advance(params, config, left, model.initialState(config, tokens.shape[0]))[1]);
    const constant = valueAndGrads(
      (current: P) => tidyTree(() => mean(square(model.advance(current, config, right, state)[0])) as Scalar),
      params,
    );
    const copy = mapTree(params, (one) => one.clone());
    // the whole gradient is that of both uses of the parameters; that of the second alone takes the state for a constant
    const both = valueAndGrads(({ first, second }: { first: P; second: P }) => through(first, second), { first: params, second: copy });
    const whole = valueAndGrads((current: P) => through(current, current), params);
    for (const [[path, gradient], [, second], [, all]] of together(constant.grads, both.grads.second, whole.grads)) {
      await expectClose(path.join('.'), second, gradient, tolerance, 1e-4);
      const [first] = [...tensorsOf(both.grads.first)].filter(([other]) => other.join() === path.join()).map(([, one]) => one);
      const sum = first ? add(first, gradient) : gradient.clone();
      await expectClose(`whole ${path.join('.')}`, all, sum, 10 * tolerance, 1e-4);
      sum.dispose();
    }
    disposeTree([params, copy, tokens, left, right, state, constant, both, whole]);
  });
}

type Leaf = ReturnType<typeof tensorsOf> extends Generator<infer Item> ? Item : never;

/** The tensors of three trees of one form side by side. */
function together(...trees: [unknown, unknown, unknown]): [Leaf, Leaf, Leaf][] {
  const [one, two, three] = trees.map((tree) => [...tensorsOf(tree)]) as [Leaf[], Leaf[], Leaf[]];
  expect([two.length, three.length]).toEqual([one.length, one.length]);
  return one.map((leaf, i) => [leaf, two[i] as Leaf, three[i] as Leaf]);
}

/** Every tensor of two trees, to the last bit; absent ones in the same places. */
async function expectEqual(want: unknown, got: unknown): Promise<void> {
  const actual = new Map([...tensorsOf(got)].map(([path, tensor]) => [path.join('.'), tensor]));
  expect([...actual.keys()]).toEqual([...tensorsOf(want)].map(([path]) => path.join('.')));
  for (const [path, tensor] of tensorsOf(want)) {
    const values = await actual.get(path.join('.'))?.data();
    expect([...(values ?? [])], path.join('.')).toEqual([...(await tensor.data())]);
  }
}
