import { type Decoder, type DecoderOptions, SsmError } from '@densessm/ssm-core';
import type { ModelBundle } from '../bundle';
import { badOption } from '../options';

/**
 * The model's fast reader of single tokens, with all the memory that it will need. Undefined where the model has none here, or where
 * there is no room for weights beside those of the bundle: then `advance` serves.
 * @throws SsmError OPTION where only such a reader could keep weights as wanted
 */
export async function openDecoder({ model, params, config }: ModelBundle, options: DecoderOptions): Promise<Decoder<unknown> | undefined> {
  const decoder = await decoderOrNone(() => model.decoder?.(params, config, options), options);
  if (decoder || (options.weights ?? 'f32') === 'f32') return decoder;
  const expected = "'f32', which needs no decoder, or a model and a backend that have one";
  throw badOption(
    'decoder',
    'weights',
    expected,
    `'${options.weights}'`,
    'start the wasm backend with its kernels, or leave `weights` out',
  );
}

async function decoderOrNone(
  make: () => Promise<Decoder<unknown> | undefined> | undefined,
  { weights, batch }: DecoderOptions,
): Promise<Decoder<unknown> | undefined> {
  let decoder: Decoder<unknown> | undefined;
  try {
    decoder = await make();
    decoder?.step(new Int32Array(batch)); // takes what scratch it needs now, so that no later step fails half-way
    return decoder;
  } catch (error) {
    decoder?.dispose();
    if ((weights ?? 'f32') === 'f32' && error instanceof SsmError && error.code === 'BACKEND') return undefined;
    throw error;
  }
}
