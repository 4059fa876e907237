/**
 * Steps on whole rows, several as one dispatch: for each slot a sum with its sources, then a norm, then a rotation, each where there is one. A workgroup has
 * one row of one slot, and an invocation the same pairs of values in all three.
 */
import type { DenseSumStep, RmsNormStep, RotateStep } from '../../../decode/recorded-steps';
import { SIGMOID, treesOf } from '../math';
import { variants } from '../program';
import { offsetOf } from './arena';
import { type StepDispatch, sourceSum, stepProgram } from './step';
import { denseSumDispatch, rmsNormDispatch, rotateDispatch } from './values';

export type RowStep =
  | { readonly kind: 'sum'; readonly step: DenseSumStep }
  | { readonly kind: 'norm'; readonly step: RmsNormStep }
  | { readonly kind: 'rotate'; readonly step: RotateStep };

/** Steps that come one after the other on the rows at `y`. */
interface Chain {
  readonly y: number;
  readonly width: number;
  readonly steps: readonly RowStep[];
}

/** Chains of a dispatch: each costs two numbers at least, and code. */
const MOST_CHAINS = 4;
const SIZE = 256;

/** Dispatches for steps in their order. */
export function rowDispatches(steps: readonly RowStep[], batch: number): StepDispatch[] {
  const groups: Chain[][] = [];
  for (const step of steps) {
    const group = groups.at(-1) ?? [];
    const chain = group.find((one) => canFollow(one, step));
    if (chain) group[group.indexOf(chain)] = { ...chain, steps: [...chain.steps, step] };
    else if (groups.length > 0 && group.length < MOST_CHAINS && group.every((one) => isApart(one, step, batch))) group.push(chainOf(step));
    else groups.push([chainOf(step)]);
  }
  return groups.map((group) => dispatchOf(group, batch));
}

const KINDS = ['sum', 'norm', 'rotate'] as const;

function chainOf(step: RowStep): Chain {
  if (step.kind === 'rotate') return { y: offsetOf(step.step.x), width: step.step.heads * step.step.size, steps: [step] };
  return { y: offsetOf(step.step.y), width: step.kind === 'sum' ? step.step.size : step.step.width, steps: [step] };
}

/** Whether a step goes on with a chain, in place. */
function canFollow({ y, width, steps }: Chain, step: RowStep): boolean {
  const last = steps.at(-1) as RowStep;
  const own = chainOf(step);
  return KINDS.indexOf(step.kind) > KINDS.indexOf(last.kind) && own.y === y && own.width === width && readsOf(step)[0] === y;
}

/** Offsets of the slots that a step reads, each as wide as its chain; the first is its main input. */
function readsOf({ kind, step }: RowStep): number[] {
  if (kind !== 'sum') return [offsetOf(step.x)];
  return [step.own, ...(step.gate ? [step.gate] : []), ...step.sources].map(offsetOf);
}

/** Whether neither writes what the other reads or writes. */
function isApart(chain: Chain, step: RowStep, batch: number): boolean {
  const own = chainOf(step);
  const overlaps = (a: number, aWidth: number, b: number, bWidth: number): boolean => a < b + batch * bWidth && b < a + batch * aWidth;
  const readByChain = [chain.y, ...chain.steps.flatMap(readsOf)];
  return (
    readByChain.every((slot) => !overlaps(slot, chain.width, own.y, own.width)) &&
    readsOf(step).every((slot) => !overlaps(slot, own.width, chain.y, chain.width))
  );
}

function dispatchOf(chains: readonly Chain[], batch: number): StepDispatch {
  const [{ steps } = { steps: [] }, more] = chains;
  const [first, second] = steps;
  if (first && !second && !more) return aloneOf(first, batch);
  const choices = chains.map(choiceOf);
  return {
    program: rowsProgram({ choices }),
    params: Object.assign({}, ...chains.map((chain, i) => paramsOf(chain, i))) as Record<string, number>,
    groups: batch * chains.length,
  };
}

function aloneOf({ kind, step }: RowStep, batch: number): StepDispatch {
  if (kind === 'sum') return denseSumDispatch(step, batch);
  return kind === 'norm' ? rmsNormDispatch(step, batch) : rotateDispatch(step, batch);
}

interface ChainChoice {
  /** Sources of a sum; undefined where there is none. */
  sources?: number;
  hasGate: boolean;
  norm: 'none' | 'plain' | 'weighted';
  rotates: boolean;
}

const stepOf = <Kind extends RowStep['kind']>({ steps }: Chain, kind: Kind) =>
  steps.find((one) => one.kind === kind)?.step as Extract<RowStep, { kind: Kind }>['step'] | undefined;

function choiceOf(chain: Chain): ChainChoice {
  const [sum, norm] = [stepOf(chain, 'sum'), stepOf(chain, 'norm')];
  return {
    ...(sum && { sources: sum.sources.length }),
    hasGate: sum?.gate !== undefined,
    norm: norm ? (norm.weight ? 'weighted' : 'plain') : 'none',
    rotates: stepOf(chain, 'rotate') !== undefined,
  };
}

/** Names of a chain's numbers end with its own. */
function paramsOf(chain: Chain, i: number): Record<string, number> {
  const [sum, norm, rotate] = [stepOf(chain, 'sum'), stepOf(chain, 'norm'), stepOf(chain, 'rotate')];
  const own = {
    x: readsOf(chain.steps[0] as RowStep)[0] as number,
    ...{ y: chain.y, width: chain.width },
    ...(sum?.gate && { gate: offsetOf(sum.gate) }),
    ...(norm && { eps: norm.eps, ...(norm.weight && { weight: offsetOf(norm.weight) }) }),
    ...(rotate && { cos: offsetOf(rotate.cos), sin: offsetOf(rotate.sin), scale: offsetOf(rotate.scale), pairs: rotate.size / 2 }),
  };
  const sources = sum?.sources.map((slot, n) => [`s${n}of${i}`, offsetOf(slot)] as const) ?? [];
  return { ...Object.fromEntries(Object.entries(own).map(([name, value]) => [`${name}${i}`, value])), ...Object.fromEntries(sources) };
}

/** The numbers of {@link paramsOf}, those of eps apart. */
function namesOf({ sources = 0, hasGate, norm, rotates }: ChainChoice, i: number): string {
  const own = [
    ...['x', 'y', 'width'],
    ...(hasGate ? ['gate'] : []),
    ...(norm === 'weighted' ? ['weight'] : []),
    ...(rotates ? ['cos', 'sin', 'scale', 'pairs'] : []),
  ];
  return [...own.map((name) => `${name}${i}`), ...Array.from({ length: sources }, (_, n) => `s${n}of${i}`)].join(' ');
}

const rowsProgram = variants(({ choices }: { choices: ChainChoice[] }) =>
  stepProgram('Rows', {
    params: choices.map(namesOf).join(' '),
    floats: choices.flatMap(({ norm }, i) => (norm === 'none' ? [] : [`eps${i}`])).join(' '),
    size: SIZE,
    declarations: `${SIGMOID}${treesOf(SIZE)}`,
    main: `
  let row = group / ${choices.length};
  switch group % ${choices.length} {
${choices.map((choice, i) => `    ${i === choices.length - 1 ? 'default' : `case ${i}u`}: {${chainWgsl(choice, i)}\n    }`).join('\n')}
  }`,
  }),
);

/** Of a value at `at` in its row. */
function summed({ sources, hasGate }: ChainChoice, i: number, at: string): string {
  const own = `arena[p.x${i} + base + ${at}]`;
  if (sources === undefined) return own;
  const seen = sourceSum(sources, `arena[$ + base + ${at}]`).replaceAll(/p\.s(\d+)/g, `p.s$1of${i}`);
  return `${own} + ${hasGate ? `silu(arena[p.gate${i} + base + ${at}]) * (${seen})` : seen}`;
}

function chainWgsl(choice: ChainChoice, i: number): string {
  const { norm, rotates } = choice;
  const eachPair = (body: string): string => `
      for (var k = 2 * lane; k < p.width${i}; k += ${2 * SIZE}) {${body}
      }`;
  const isNormed = norm !== 'none';
  const second = `(k + 1 < p.width${i})`;
  const value = (at: string): string =>
    `${isNormed ? `factor * arena[y + ${at}]` : summed(choice, i, at)}${norm === 'weighted' ? ` * arena[p.weight${i} + ${at}]` : ''}`;
  const squares = `
      var squares = 0.0;${eachPair(`
        for (var n = k; n < min(k + 2, p.width${i}); n++) {
          let value = ${summed(choice, i, 'n')};
          arena[y + n] = value;
          squares = fma(value, value, squares);
        }`)}
      let factor = 1.0 / sqrt(sumOfAll(lane, squares) / f32(p.width${i}) + p.eps${i});`;
  const rotated = `
        let pair = row * p.pairs${i} + (k / 2) % p.pairs${i};
        let scale = arena[p.scale${i} + (base + k) / (2 * p.pairs${i})];
        let a = scale * (${value('k')});
        let b = scale * (${value('(k + 1)')});
        let c = arena[p.cos${i} + pair];
        let s = arena[p.sin${i} + pair];
        arena[y + k] = a * c - b * s;
        arena[y + k + 1] = b * c + a * s;`;
  const plain = `
        arena[y + k] = ${value('k')};
        if ${second} { arena[y + k + 1] = ${value('(k + 1)')}; }`;
  return `
      let base = row * p.width${i};
      let y = p.y${i} + base;${isNormed ? squares : ''}${eachPair(rotates ? rotated : plain)}`;
}
