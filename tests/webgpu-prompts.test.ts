import { moved, sixModels } from '@densessm/conformance';
import { loglikelihood, type ModelBundle, Session } from '@densessm/generate';
import { packParams } from '@densessm/kernels';
import { gpuChoices } from '@densessm/kernels/internal';
import { startBackend } from '@densessm/runtime-node';
import { type AnyModel, disposeTree, mapTree, tensorsOf } from '@densessm/ssm-core';
import { engine, findBackend, mul, type Tensor, tensor2d } from '@tensorflow/tfjs-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ALL_LOGITS, LAST_LOGITS, type PieceEnding, readPiece } from '../packages/generate/src/reading/read-piece';
import { missingDevice } from './webgpu-device';

const missing = await missingDevice('tests/webgpu-prompts.test.ts');

const VOCABULARY = 23;
const sizes = { vocabSize: VOCABULARY, hiddenSize: 16, layers: 3, heads: 2 };
const pool = () => (findBackend('webgpu') as unknown as { bufferManager: { numBytesUsed: number } }).bufferManager;

const idsOf = (rows: number, length: number, seed = 0): number[][] =>
  Array.from({ length: rows }, (_, row) => Array.from({ length }, (_, i) => (7 * i + 5 * row + 3 * seed) % VOCABULARY));

/** A model's bundle, and how often `advance` ran. */
function counted({ model, json }: { model: AnyModel; json: object }): { bundle: ModelBundle; calls: () => number } {
  let calls = 0;
  const config = model.parseConfig(json);
  const fresh = model.init(config, 3) as object;
  const params = moved(fresh, 0.2);
  disposeTree(fresh);
  const advance: AnyModel['advance'] = (...given) => {
    calls++;
    return model.advance(...given);
  };
  return { bundle: { model: { ...model, advance }, config, params }, calls: () => calls };
}

const valuesOf = (tree: unknown): Promise<unknown[]> =>
  Promise.all([...tensorsOf(tree)].map(async ([path, one]) => [path.join('.'), one.shape, [...((await one.data()) as Float32Array)]]));

/** A state without its tensors, and their values. */
const plain = async (state: unknown): Promise<unknown[]> => [mapTree(state, () => null), await valuesOf(state)];

/** Logits and states after each of some pieces of one text, by the model itself or as prompts are read. */
async function readOn(
  bundle: ModelBundle,
  pieces: readonly number[][][],
  { from, ending, isRead }: { from: unknown; ending: PieceEnding; isRead: boolean },
): Promise<unknown[]> {
  const { model, params, config } = bundle;
  const found: unknown[] = [];
  let state = from;
  for (const ids of pieces) {
    const read = isRead
      ? readPiece(bundle, { ids, state, ending })
      : (([logits, next]) => ({ outputs: [logits], state: next }))(
          model.advance(params, config, ids, state, { logits: ending.logits }) as [Tensor, unknown],
        );
    found.push([await valuesOf(read.outputs), await plain(read.state)]);
    disposeTree(read.outputs);
    if (state !== from) disposeTree(state);
    state = read.state;
  }
  disposeTree(state);
  return found;
}

describe.skipIf(missing)('prompts on WebGPU', () => {
  const lengths = [5, 5, 5, 5, 3, 5, 1, 5, 3];
  const cases = sixModels(sizes).flatMap((one) => [1, 3].map((rows) => [one.name, rows, one] as const));

  it.each(cases)('have the same bits where pieces are replayed: %s, %i texts', async (_, rows, one) => {
    const { numTensors } = engine().memory();
    const used = pool().numBytesUsed;
    const { bundle, calls } = counted(one);
    const pieces = lengths.map((length, seed) => idsOf(rows, length, seed));
    const from = bundle.model.initialState(bundle.config, rows);
    for (const ending of [LAST_LOGITS, ALL_LOGITS]) {
      const want = await readOn(bundle, pieces, { from, ending, isRead: false });
      const before = calls();
      expect(await readOn(bundle, pieces, { from, ending, isRead: true })).toEqual(want);
      expect(calls() - before).toBe(3 + 2 + 1); // of five tokens the first, to compile, and the two that are recorded
    }
    disposeTree([from, bundle.params]);
    expect(engine().memory().numTensors).toBe(numTensors);
    expect(pool().numBytesUsed).toBeLessThanOrEqual(used);
  });

  it('have the same bits behind documents, and with packed weights', async () => {
    for (const one of sixModels(sizes).slice(0, 4)) {
      const { bundle, calls } = counted(one);
      const packed = await packParams(bundle.model.spec(bundle.config), bundle.params, { weights: 'int8' });
      const used = pool().numBytesUsed;
      const begin = bundle.model.initialState(bundle.config, 2);
      const documentStarts = tensor2d([0, 0, 1, 0, 1, 0], [2, 3], 'int32');
      const [logits, from] = bundle.model.advance(packed, bundle.config, idsOf(2, 3), begin, { documentStarts });
      const pieces = lengths.map((length, seed) => idsOf(2, length, seed));
      const of = { ...bundle, params: packed };
      const want = await readOn(of, pieces, { from, ending: LAST_LOGITS, isRead: false });
      const before = calls();
      expect(await readOn(of, pieces, { from, ending: LAST_LOGITS, isRead: true })).toEqual(want);
      expect(calls() - before).toBe(6);
      disposeTree([begin, documentStarts, logits, from, packed]);
      expect(pool().numBytesUsed).toBeLessThanOrEqual(used); // what was recorded went with the weights
      disposeTree(bundle.params);
    }
  });

  it('say of a token outside the vocabulary and of a state that was freed what they say where nothing is replayed', async () => {
    const { bundle } = counted(sixModels(sizes)[2] as never);
    const state = bundle.model.initialState(bundle.config, 1);
    const read = (ids: number[][], state: unknown) => readPiece(bundle, { ids, state, ending: LAST_LOGITS });
    for (let i = 0; i < 5; i++) disposeTree(Object.values(read(idsOf(1, 4), state)));
    expect(() => read([[1, 2, VOCABULARY, 4]], state)).toThrow(expect.objectContaining({ code: 'TOKENS' }));
    expect(() => read([[1, 2], [3]], state)).toThrow(expect.objectContaining({ code: 'STATE' }));
    disposeTree(state);
    expect(() => read(idsOf(1, 4), state)).toThrow(expect.objectContaining({ code: 'STATE' }));
    disposeTree(bundle.params);
  });

  it('of any length are read and scored where the device binds little at a time', async () => {
    const one = sixModels({ ...sizes, layers: 1 })[2] as (typeof cases)[0][2];
    const { bundle } = counted(one);
    const text = idsOf(1, 130)[0] as number[];
    const read = async (promptChunk: number) => {
      const session = new Session(bundle, { promptChunk });
      await session.append(text);
      const { logits } = session;
      session.dispose();
      return [logits, await loglikelihood(bundle, text.slice(0, 40), text.slice(40), { promptChunk })];
    };
    const want = await read(40);
    const { device } = findBackend('webgpu') as unknown as { device: GPUDevice };
    const { limits, createBindGroup } = device;
    const most = 4 * 64 * 40; // forty tokens of the widest activation
    const value = new Proxy(limits, { get: (of, name) => (name === 'maxStorageBufferBindingSize' ? most : Reflect.get(of, name, of)) });
    Object.defineProperty(device, 'limits', { value, configurable: true });
    let bound = 0;
    device.createBindGroup = (described) => {
      for (const { resource } of described.entries)
        bound = Math.max(bound, (resource as GPUBufferBinding).size ?? (resource as GPUBufferBinding).buffer.size);
      return createBindGroup.call(device, described);
    };
    try {
      expect(await read(130)).toEqual(want);
    } finally {
      Object.defineProperty(device, 'limits', { value: limits, configurable: true });
      device.createBindGroup = createBindGroup;
    }
    expect(bound).toBeLessThanOrEqual(most);
    disposeTree(bundle.params);
  });

  it('are replayed for the second session of a model, and bounded in memory for as many lengths as there are', async () => {
    const { promptBytes } = gpuChoices;
    gpuChoices.promptBytes = 2 ** 26;
    onTestFinished(() => void Object.assign(gpuChoices, { promptBytes }));
    const wide = sixModels({ ...sizes, vocabSize: 40_000, hiddenSize: 8, layers: 1 })[2] as (typeof cases)[0][2];
    const { bundle, calls } = counted(wide);
    const text = idsOf(1, 40)[0] as number[];
    const logits: Float32Array[] = [];
    const counts: number[] = [];
    for (let i = 0; i < 2; i++) {
      const session = new Session(bundle, { promptChunk: 8 });
      await session.append(text);
      logits.push(session.logits as Float32Array);
      session.dispose();
      counts.push(calls());
    }
    expect(counts).toEqual([3, 3]);
    expect(logits[1]).toEqual(logits[0]);
    const state = bundle.model.initialState(bundle.config, 1);
    const used = pool().numBytesUsed;
    for (let length = 90; length < 93; length++)
      for (let i = 0; i < 3; i++) {
        const read = readPiece(bundle, { ids: idsOf(1, length), state, ending: ALL_LOGITS }); // of 14.4 MB or more, in two places
        await (read.outputs[0] as Tensor).data();
        disposeTree(Object.values(read));
      }
    expect(pool().numBytesUsed - used).toBeLessThanOrEqual(2 ** 26);
    expect(pool().numBytesUsed - used).toBeGreaterThan(2 ** 24);
    disposeTree([state, bundle.params]);
  });

  it('are read with the weights of now, whoever still holds those of before', async () => {
    const { bundle } = counted(sixModels({ ...sizes, layers: 1 })[2] as (typeof cases)[0][2]);
    const params = bundle.params as { embeddings: Tensor };
    const state = bundle.model.initialState(bundle.config, 1);
    const read = async () => {
      const found = readPiece(bundle, { ids: idsOf(1, 6), state, ending: LAST_LOGITS });
      const logits = [...(await (found.outputs[0] as Tensor).data())];
      disposeTree(Object.values(found));
      return logits;
    };
    const first = await read();
    for (let i = 0; i < 4; i++) expect(await read()).toEqual(first);
    const before = params.embeddings;
    params.embeddings = mul(before, 2);
    const other = await read();
    expect(other).not.toEqual(first);
    for (let i = 0; i < 4; i++) expect(await read()).toEqual(other);
    disposeTree([state, before, bundle.params]);
  });

  it('are read on another device once theirs was lost', async () => {
    const one = sixModels(sizes)[2] as (typeof cases)[0][2];
    const read = async () => {
      const { bundle, calls } = counted(one);
      const session = new Session(bundle, { promptChunk: 4 });
      await session.append(idsOf(1, 24)[0] as number[]);
      expect(calls()).toBe(3);
      return { bundle, session, logits: session.logits };
    };
    const before = await read();
    const { device } = findBackend('webgpu') as unknown as { device: GPUDevice };
    device.destroy();
    await device.lost;
    await expect(before.session.append(idsOf(1, 4)[0] as number[])).rejects.toMatchObject({ code: 'LOST' });
    before.session.dispose();
    disposeTree(before.bundle.params);
    await startBackend({ device: 'webgpu' });
    const after = await read();
    expect(after.logits).toEqual(before.logits);
    after.session.dispose();
    disposeTree(after.bundle.params);
  });
});
