/**
 * Dense connections in Mamba. DenseSSM (arXiv:2403.00818, section 3.2, figure 2) defines h'_t = Fuse(h_t, φ(h_t^{l−1}), …)
 * and y_t = C_t h'_t; no code or weights of a DenseMamba were published. Ours, for each layer l with sources l−m … l−1:
 *  - fuses 'state': the equations as they stand. The raw h is carried in time and shown to deeper layers. All that Fuse does
 *    acts on channels, so it commutes with the read-out through C_t: what a source adds is one more scan of its inputs,
 *    read through this layer's C, and no [B, T, E, N] is ever stored. The way back through a source's states runs once,
 *    for itself and all that read it.
 *  - fuses 'input': B and u (before Δ) are fused ahead of one ordinary scan, as the released DenseRetNet does with k and v.
 */
import {
  completeDenseConfig,
  type DenseConfig,
  type DenseParams,
  type DenseSpec,
  denseConfigToJson,
  denseConnect,
  denseSources,
  denseSpec,
  parseDenseConfig,
} from '@densessm/dense-connect';
import { ConfigReader, type Params } from '@densessm/ssm-core';
import type { Tensor, Tensor3D } from '@tensorflow/tfjs-core';

export interface MambaConnections extends DenseConfig {
  /** Where shallower layers join: in the state that is read out, or in what the scan reads. */
  readonly fuses: (typeof PLACES)[number];
}

const PLACES = ['state', 'input'] as const;

/** Keys that every Hugging Face config may carry and that change nothing here: allowed in the dense models' own configs. */
const WITHOUT_MEANING = [
  ...['model_type', 'architectures', 'dtype', 'torch_dtype', 'transformers_version', 'use_cache', 'use_mambapy', 'use_associative_scan'],
  ...['bos_token_id', 'eos_token_id', 'pad_token_id', 'residual_in_fp32', 'fused_add_norm', 'time_step_rank', 'intermediate_size'],
  ...['attn_layer_idx', 'attn_cfg'],
];

/** @throws SsmError CONFIG */
export function parseConnections(reader: ConfigReader, hiddenSize: number): MambaConnections {
  reader.require(reader.has('dense_block_layers'), 'dense_block_layers', 'the number of shallower layers that each layer reads');
  return Object.freeze({ ...parseDenseConfig(reader, hiddenSize), fuses: reader.oneOf('dense_fusion', PLACES, 'state') });
}

/** The choices of dense connections made in code; what is left out is as in a config.json that leaves it out. */
export type DenseChoices = Partial<MambaConnections> & Pick<MambaConnections, 'denseLayers'>;

/** @throws SsmError CONFIG */
export function completeConnections(where: string, { fuses, ...choices }: DenseChoices, hiddenSize: number): MambaConnections {
  const place = new ConfigReader(where, { dense_fusion: fuses }).oneOf('dense_fusion', PLACES, 'state');
  return Object.freeze({ ...completeDenseConfig(where, choices, hiddenSize), fuses: place });
}

export const refuseUnknownKeys = (reader: ConfigReader): void => reader.refuseUnknown(WITHOUT_MEANING);

/** Of a foreign config's other keys those that the dense models' own configs may carry. */
export const keysWithoutMeaning = (rest: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(rest).filter(([key]) => WITHOUT_MEANING.includes(key)));

export const connectionsToJson = (dense: MambaConnections, hiddenSize: number): Record<string, unknown> => ({
  ...denseConfigToJson(dense, hiddenSize),
  ...(dense.fuses === 'state' ? {} : { dense_fusion: dense.fuses }),
});

export type ConnectionsSpec = {
  /** Of the read-out states, width E. */
  readonly state: DenseSpec | undefined;
  /** Of B, width N (Mamba-2: groups · N). */
  readonly B: DenseSpec | undefined;
  /** Of u, width E. */
  readonly u: DenseSpec | undefined;
};
export type ConnectionsParams = Params<ConnectionsSpec>;

/** The connections of one layer; a layer that reads no other has none. */
export function connectionsSpec(
  dense: MambaConnections | undefined,
  layer: number,
  { hiddenSize, innerSize, widthOfB, mixer }: { hiddenSize: number; innerSize: number; widthOfB: number; mixer: string },
): ConnectionsSpec {
  const reads = dense !== undefined && denseSources(dense, layer).length > 0 ? dense.fuses : 'nothing';
  const make = (fuses: string, name: string, width: number) =>
    dense && reads === fuses ? denseSpec(dense, { hiddenSize, width, name: `${mixer}.${name}` }) : undefined;
  return { state: make('state', 'dense_gate', innerSize), B: make('input', 'dense_B', widthOfB), u: make('input', 'dense_u', innerSize) };
}

interface FuseInputs {
  /** [B, T, width] */
  own: Tensor3D;
  /** The layer's normed input, [B, T, D]. */
  x: Tensor3D;
  /** What stands in for a source under projection 'none'; 1 unless given. */
  unit?: () => Tensor;
}

/** `own` fused with what `show` takes from each source; `own` itself where this layer has no such connection. */
export function fuse<Source extends { x: Tensor3D }>(
  params: DenseParams | undefined,
  dense: DenseConfig | undefined,
  { own, x, unit }: FuseInputs,
  sources: readonly Source[],
  show: (source: Source) => Tensor3D,
): Tensor3D {
  if (params === undefined || dense === undefined) return own;
  const sourceInputs = sources.map((source) => source.x);
  // without a projection a source only lends its place, so nothing of it is computed
  if (dense.projection === 'none')
    return denseConnect(params, dense, { own, sources: sources.map(() => own), x, sourceInputs, unit: unit?.() });
  return denseConnect(params, dense, { own, sources: sources.map(show), x, sourceInputs });
}
