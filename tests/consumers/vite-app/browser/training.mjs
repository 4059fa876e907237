// What Node and the page both compute, to be compared to the last bit: by digests of tensors.
import { crossEntropy } from '@densessm/kernels';
import { mamba } from '@densessm/mamba';
import { disposeTree, tensorsOf, valueAndGrads } from '@densessm/ssm-core';
import { memory, reshape, tensor1d } from '@tensorflow/tfjs-core';

/** Large enough that most kernels have several blocks to share. */
const json = { model_type: 'mamba', vocab_size: 512, hidden_size: 128, num_hidden_layers: 2, state_size: 16 };
const [texts, length] = [4, 96];
const tokens = Array.from({ length: texts }, (_, b) => Array.from({ length }, (_, t) => (b * 31 + t * t * 7) % json.vocab_size));

/** Logits, the loss of a training step and the gradient of every parameter. */
export async function step() {
  const before = memory().numTensors;
  const config = mamba.parseConfig(json);
  const params = mamba.init(config, 5);
  const targets = tensor1d(
    tokens.flatMap((text) => [...text.slice(1), -100]),
    'int32',
  );
  const logits = mamba.forward(params, config, tokens);
  const lossOf = (given) => crossEntropy({ logits: reshape(mamba.forward(given, config, tokens), [-1, json.vocab_size]), targets });
  const { value, grads } = valueAndGrads(lossOf, params);
  const result = { logits: await digest(logits), loss: await digest(value) };
  for (const [path, gradient] of tensorsOf(grads)) result[path.join('.')] = await digest(gradient);
  disposeTree([logits, value, grads, params, targets]);
  return { ...result, leftBehind: memory().numTensors - before };
}

/** What a model that was loaded makes of a text. */
export async function answer({ model, config, params }) {
  const logits = model.forward(params, config, [[5, 3, 8, 1, 9]]);
  const result = await digest(logits);
  disposeTree([logits, params]);
  return result;
}

async function digest(tensor) {
  const bytes = await crypto.subtle.digest('SHA-256', await tensor.data());
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
