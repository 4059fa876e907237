import { packParams } from '@densessm/kernels';
import { mamba } from '@densessm/mamba';
import { disposeTree } from '@densessm/ssm-core';
import { memory, setBackend } from '@tensorflow/tfjs-core';
import { beforeEach, expect, it } from 'vitest';
import type { ModelBundle } from '../bundle';
import { generate } from '../generate';
import { Session } from './session';

const gone = expect.objectContaining({ name: 'SsmError', code: 'STATE' });
const json = { model_type: 'mamba', vocab_size: 23, hidden_size: 12, num_hidden_layers: 2, state_size: 4 };
const config = mamba.parseConfig(json);
const newBundle = (): ModelBundle => ({ model: mamba, config, params: mamba.init(config, 3) });

beforeEach(async () => {
  await setBackend('wasm');
});

it('a session that was disposed of refuses all but its count', async () => {
  const bundle = newBundle();
  const session = new Session(bundle);
  await session.append([1, 2]);
  const mark = session.mark();
  session.dispose();
  session.dispose();
  mark.dispose();
  for (const call of [() => session.append([1]), () => session.generate(), () => session.snapshot(), () => session.stream().next()])
    await expect(call()).rejects.toEqual(gone);
  for (const call of [
    () => session.logits,
    () => session.stateBytes,
    () => session.fork(),
    () => session.mark(),
    () => session.rewind(mark),
  ])
    expect(call).toThrow(gone);
  expect(session.tokenCount).toBe(2);
  disposeTree(bundle.params);
});

it.each(['f32', 'int8'] as const)('a model that was disposed of is refused, its weights packed in %s or not', async (weights) => {
  const before = memory().numTensors;
  const plain = newBundle();
  const packed = { ...plain, params: await packParams(mamba.spec(config), plain.params, { weights }) };
  for (const bundle of [plain, packed]) {
    const session = new Session(bundle);
    await session.append([1, 2]);
    await session.generate({ maxTokens: 2 });
    disposeTree(bundle.params);
    await expect(generate(bundle, [1, 2])).rejects.toEqual(gone);
    await expect(generate(bundle, [1])).rejects.toEqual(gone);
    await expect(session.append([3, 4])).rejects.toEqual(gone);
    session.dispose();
  }
  expect(memory().numTensors).toBe(before);
});
