import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu } from '../../../backends/webgpu/gpu';
import { elementwise, type Program } from '../../../backends/webgpu/program';
import { groupsOf, sizeOf } from '../../../backends/webgpu/specialize';

const [LANES, BLOCK] = [256, 1024];
/** Beyond every id and every token: such keys fill the array up to a power of two. */
const LAST = '0x7fffffff';

/** Ids behind one another, then their tokens: keys are pairs, no two of which are equal, so that there is one order. */
const KEYS = `
fn isAfter(a: vec2<i32>, b: vec2<i32>) -> bool { return a.x > b.x || (a.x == b.x && a.y > b.y); }`;

/** One step of Batcher's bitonic sort in workgroup memory: pairs \`distance\` apart, of runs of \`run\` keys that go up and down alternately. */
const STEP = `
      for (var pair = lane; pair < ${BLOCK / 2}; pair += ${LANES}) {
        let low = pair / distance * 2 * distance + pair % distance;
        let isUp = ((group * ${BLOCK} + low) & run) == 0;
        let a = block[low];
        let b = block[low + distance];
        if (isAfter(a, b) == isUp) { block[low] = b; block[low + distance] = a; }
      }
      workgroupBarrier();`;

const sortBlock = (load: string, runs: string): string => `
  for (var i = lane; i < ${BLOCK}; i += ${LANES}) { let at = group * ${BLOCK} + i; ${load} }
  workgroupBarrier();
  ${runs}
    for (var distance = min(run, ${BLOCK}u) >> 1; distance > 0; distance >>= 1) {${STEP}
    }
  }
  for (var i = lane; i < ${BLOCK}; i += ${LANES}) { let at = group * ${BLOCK} + i; sorted[2 * at] = block[i].x; sorted[2 * at + 1] = block[i].y; }`;

const blockProgram = { name: 'SsmEmbeddingGrad', size: LANES, declarations: `${KEYS}\nvar<workgroup> block: array<vec2<i32>, ${BLOCK}>;` };

/** Sorts each block. */
const firstProgram: Program = {
  ...blockProgram,
  inputs: { ids: 'i32' },
  outputs: { sorted: 'i32' },
  params: { count: 'u32' },
  main: sortBlock(
    `block[i] = vec2<i32>(${LAST}, i32(at)); if (at < p.count) { block[i].x = ids[at]; }`,
    `for (var run = 2u; run <= ${BLOCK}; run <<= 1) {`,
  ),
};

/** Pairs farther apart than a block. */
const farProgram: Program = elementwise({
  name: 'SsmEmbeddingGrad',
  inputs: {},
  outputs: { sorted: 'i32' },
  params: { run: 'u32', distance: 'u32' },
  declarations: KEYS,
  main: `
  let low = i / p.distance * 2 * p.distance + i % p.distance;
  let high = low + p.distance;
  let a = vec2<i32>(sorted[2 * low], sorted[2 * low + 1]);
  let b = vec2<i32>(sorted[2 * high], sorted[2 * high + 1]);
  if (isAfter(a, b) == ((low & p.run) == 0)) {
    sorted[2 * low] = b.x;
    sorted[2 * low + 1] = b.y;
    sorted[2 * high] = a.x;
    sorted[2 * high + 1] = a.y;
  }`,
});

/** The rest of a run, within blocks. */
const nearProgram: Program = {
  ...blockProgram,
  inputs: {},
  outputs: { sorted: 'i32' },
  params: { run: 'u32' },
  main: sortBlock('block[i] = vec2<i32>(sorted[2 * at], sorted[2 * at + 1]);', '{ let run = p.run;'),
};

/** The ids in order and of equal ones the tokens in order, [n, 2] with n a power of two: pairs of id and token, followed by pairs of no token's. */
export function sortedIds(gpu: Gpu, ids: TensorInfo): TensorInfo {
  const count = sizeOf(ids);
  let n = BLOCK;
  while (n < count) n *= 2;
  const sorted = gpu.tensor([n, 2], 'int32');
  const outputs = { sorted };
  gpu.run(firstProgram, { inputs: { ids }, outputs, params: { count }, groups: n / BLOCK });
  for (let run = 2 * BLOCK; run <= n; run *= 2) {
    for (let distance = run / 2; distance >= BLOCK; distance /= 2)
      gpu.run(farProgram, { inputs: {}, outputs, params: { count: n / 2, run, distance }, groups: groupsOf(n / 2) });
    gpu.run(nearProgram, { inputs: {}, outputs, params: { run }, groups: n / BLOCK });
  }
  return sorted;
}
