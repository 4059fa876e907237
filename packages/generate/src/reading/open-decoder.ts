import { type Decoder, SsmError, type WeightType } from '@densessm/ssm-core';
import type { ModelBundle } from '../bundle';
import { badOption } from '../option-error';
import { type SharedWeights, sharedWeights } from './shared-weights';

/** A model's fast reader of single tokens, and the weights that it reads with, which others may share. */
export interface OpenDecoder {
  readonly decoder: Decoder<unknown>;
  readonly weights: SharedWeights;
}

export interface OpenDecoderOptions {
  /** 'f32' unless given; of no effect on matrices that are packed already. */
  readonly weights: WeightType | undefined;
  /** Texts that are read side by side. */
  readonly batch: number;
}

/**
 * A decoder with all the memory that it will need, on weights that are at hand or shared. Undefined where the model has none here, or where
 * there is no room for weights beside those of the bundle: then `advance` serves.
 * @throws SsmError OPTION where only a decoder could keep weights as wanted
 */
export async function openDecoder(
  bundle: ModelBundle,
  options: OpenDecoderOptions,
  atHand: SharedWeights | undefined,
): Promise<OpenDecoder | undefined> {
  const open = await openOrNone(bundle, options, atHand);
  if (open || (options.weights ?? 'f32') === 'f32') return open;
  const expected = "'f32', which needs no decoder, or a model and a backend that have one";
  throw badOption(
    'decoder',
    'weights',
    expected,
    `'${options.weights}'`,
    'start the wasm backend with its kernels, or leave `weights` out',
  );
}

async function openOrNone(
  bundle: ModelBundle,
  { weights: type = 'f32', batch }: OpenDecoderOptions,
  atHand: SharedWeights | undefined,
): Promise<OpenDecoder | undefined> {
  const { model, config } = bundle;
  const makeDecoder = model.decoder?.(config, { batch });
  if (!makeDecoder) return undefined;
  const isOptional = (error: unknown): boolean => type === 'f32' && error instanceof SsmError && error.code === 'BACKEND';
  let weights: SharedWeights | undefined;
  let decoder: Decoder<unknown> | undefined;
  try {
    weights = atHand?.retain() ?? (await sharedWeights(bundle, type));
    decoder = await makeDecoder(weights.params);
    await decoder.step(new Int32Array(batch)); // takes what scratch it needs now, so that no later step fails half-way
    return { decoder, weights };
  } catch (error) {
    decoder?.dispose();
    weights?.release();
    if (!isOptional(error)) throw error;
    return undefined;
  }
}
