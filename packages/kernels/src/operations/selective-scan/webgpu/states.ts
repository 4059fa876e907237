import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Gpu } from '../../../backends/webgpu/gpu';
import { elementwise, type Program, variants } from '../../../backends/webgpu/program';
import { groupsOf } from '../../../backends/webgpu/specialize';
import type { ScanSizes } from '../inputs';
import { PARAMS, range, VALUE_OF } from './program';

/** Chunks of which an invocation reads what they add before it writes. */
const AT_A_TIME = 8;

interface Choice {
  name: string;
  /** From the last chunk, which gets dhT, to the first; else from the first, which gets h0, to the last. */
  back: boolean;
}

/**
 * Carries a state through the chunks, forth or back: of the products of their decays and what each adds, the states that they meet, all [B, chunks, N, E]. `last`, [B, E, N],
 * is what leaves the other end. The reads of some chunks do not wait for one another, nor for what is written.
 */
const carryProgram = variants(({ name, back }: Choice): Program => {
  const each = (line: (j: number) => string): string => range(AT_A_TIME).map(line).join('\n    ');
  return elementwise({
    name,
    inputs: { totals: 'f32', added: 'f32', ...(back ? { dhT: 'f32' } : { aux: 'u32' }) },
    outputs: { met: 'f32', last: 'f32' },
    params: PARAMS,
    declarations: back ? '' : VALUE_OF,
    main: `
  let e = i % p.E;
  let n = i / p.E % p.N;
  let b = i / (p.E * p.N);
  let place = (b * p.E + e) * p.N + n;
  ${back ? 'var h = dhT[place];' : 'var h = 0.0; if (p.hasH == 1) { h = valueOf(p.atH + place); }'}
  for (var chunk = 0u; chunk < p.chunks; chunk += ${AT_A_TIME}) {
    ${each((j) => `let at${j} = ((b * p.chunks + ${back ? 'p.chunks - 1 - ' : ''}min(chunk + ${j}, p.chunks - 1)) * p.N + n) * p.E + e;`)}
    ${each((j) => `let total${j} = totals[at${j}]; let added${j} = added[at${j}];`)}
    ${each((j) => `if (chunk + ${j} < p.chunks) { met[at${j}] = h; h = total${j} * h + added${j}; }`)}
  }
  last[place] = h;`,
  });
});

interface Carried {
  readonly sizes: ScanSizes;
  readonly params: Readonly<Record<string, number>>;
  readonly totals: TensorInfo;
  /** It is freed. */
  readonly added: TensorInfo;
  readonly initial: { readonly dhT: TensorInfo } | { readonly aux: TensorInfo };
}

/** See {@link carryProgram}. */
export function carry(gpu: Gpu, name: string, { sizes, params, totals, added, initial }: Carried): [met: TensorInfo, last: TensorInfo] {
  const { B, E, N } = sizes;
  const [met, last] = [gpu.tensor(added.shape), gpu.tensor([B, E, N])];
  gpu.run(carryProgram({ name, back: 'dhT' in initial }), {
    inputs: { totals, added, ...initial },
    outputs: { met, last },
    params,
    groups: groupsOf(B * E * N),
  });
  gpu.free(added);
  return [met, last];
}
