import { type Initializer, type ParamLeaf, type ParamOptions, type Params, SsmError, weight } from '@densessm/ssm-core';
import { computed, zerosInit } from '@densessm/ssm-core/internal';
import type { Rank, Tensor2D } from '@tensorflow/tfjs-core';
import type { DenseConfig } from './config';

type Matrix = ParamLeaf<Rank.R2> | undefined;

/** The matrices of one connection; those that a config does not use are undefined. */
export type DenseSpec = {
  /** First layer of an mlp gate, [r, hidden]. */
  readonly fc1: Matrix;
  /** Second layer of an mlp gate, [width, r], or [m·width, r] with a gate per source: rows (i−1)·width … i·width belong to distance i. */
  readonly fc2: Matrix;
  /** A linear gate, [width, hidden] or [m·width, hidden]; rows as in fc2. */
  readonly fc: Matrix;
  /** A linear projection, [width, width]. */
  readonly proj: Matrix;
  /** Fusion by concatenation, [width, (m+1)·width]: the own state's columns, then those of distance 1, 2, …, m. */
  readonly concat: Matrix;
  /** Fusion by attention, [r, hidden] each: of the layer's input, of a source layer's input. */
  readonly query: Matrix;
  readonly key: Matrix;
};
export type DenseParams = Params<DenseSpec>;

export interface ConnectionSizes {
  /** Width of the layer inputs that gates, queries and keys read. */
  hiddenSize: number;
  /** Width of the states that are connected. */
  width: number;
  /** In front of every name on disk: `backbone.layers.3.mixer.dense_gate`, say. */
  name: string;
  /** Starts every gate matrix; left out, the gate starts such that a fresh model equals the plain one. */
  gateInit?: Initializer;
}

const identityThenZeros = (width: number, columns: number): Initializer =>
  computed((index) => (Math.floor(index / columns) === index % columns && index % columns < width ? 1 : 0));

/**
 * The parameters of one connection. A fresh one adds nothing wherever the config allows (see {@link startsNeutral}), and
 * exactly one factor of each term starts at zero: with two (a zero gate under a zero fusion matrix) every gradient would stay zero.
 */
export function denseSpec(config: DenseConfig, { hiddenSize, width, name, gateInit }: ConnectionSizes): DenseSpec {
  const { denseLayers: m, gateRank: r, gate, projection, fusion } = config;
  const make = (wanted: boolean, part: string, out: number, input: number, options: ParamOptions): Matrix =>
    m > 0 && wanted ? weight(`${name}.${part}.weight`, [out, input], options) : undefined;
  const started = (init: Initializer | undefined): ParamOptions => (init ? { init } : {});
  // of the gates of several sources, and of their columns, a layer with fewer sources reads a part
  const gates: ParamOptions = { precision: config.gatePerSource ? 'exact' : 'fine' };
  const gateWidth = config.gatePerSource ? m * width : width;
  const closed = fusion === 'concat' ? undefined : zerosInit;
  return {
    fc1: make(gate === 'mlp', 'fc1', r, hiddenSize, { precision: 'fine', ...started(gateInit) }),
    fc2: make(gate === 'mlp', 'fc2', gateWidth, r, { ...gates, ...started(gateInit ?? closed) }),
    fc: make(gate === 'linear', 'fc', gateWidth, hiddenSize, { ...gates, ...started(gateInit ?? closed) }),
    proj: make(projection === 'linear', 'proj', width, width, { precision: 'fine', ...started(gate === 'none' ? closed : undefined) }),
    concat: make(fusion === 'concat', 'concat', width, (m + 1) * width, {
      precision: 'exact',
      init: identityThenZeros(width, (m + 1) * width),
    }),
    query: make(fusion === 'attention', 'query', r, hiddenSize, { precision: 'fine' }),
    key: make(fusion === 'attention', 'key', r, hiddenSize, { precision: 'fine' }),
  };
}

/**
 * Whether a fresh dense model (parameters as in {@link denseSpec}, without a gateInit) computes exactly what the plain one does.
 * Not so where shallow states are added as they are: no gate, and a projection that does not start at zero.
 */
export function startsNeutral({ denseLayers, gate, projection, fusion }: DenseConfig): boolean {
  return denseLayers === 0 || fusion === 'concat' || gate !== 'none' || projection === 'linear';
}

/** @throws SsmError WEIGHTS where the params were made for another config. */
export function need(params: DenseParams, part: keyof DenseParams): Tensor2D {
  const matrix = params[part];
  if (matrix) return matrix;
  const present = Object.entries(params).flatMap(([name, tensor]) => (tensor ? [name] : []));
  throw new SsmError({
    code: 'WEIGHTS',
    what: `denseConnect: the connection has no \`${part}\`.`,
    expected: 'the matrices that denseSpec makes for this config',
    got: present.join(', ') || 'none at all',
    fix: 'make or load the parameters with denseSpec(config, …) of the same config',
  });
}
