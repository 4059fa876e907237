import { pretrainedFiles } from '@densessm/checkpoint';
import { denseMamba } from '@densessm/mamba';
import { disposeTree } from '@densessm/ssm-core';
import { byteTokenizer } from '@densessm/tokenizer';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakeStorage } from '../../../runtime-web/fixtures/fake-web';
import { loadModel } from '../node';
import { createWorkerClient, type TrainingEvent, type TrainOptions, type WorkerClient } from '../web';
import { serveModels } from './index';

const tokenizer = byteTokenizer();
const json = {
  model_type: 'dense_mamba',
  vocab_size: 257,
  hidden_size: 8,
  num_hidden_layers: 2,
  state_size: 4,
  dense_block_layers: 1,
  dense_gate_rank: 2,
};

const open: (() => void)[] = [];
beforeEach(() => vi.stubGlobal('navigator', { storage: fakeStorage().storage, hardwareConcurrency: 1 }));
afterEach(() => {
  for (const close of open.splice(0)) close();
  vi.unstubAllGlobals();
});

/** A client and its worker, here in one thread. */
function connected(): WorkerClient {
  const { port1, port2 } = new MessageChannel();
  serveModels({ end: port2 as never });
  const client = createWorkerClient({ worker: port1 as never, device: 'cpu' });
  open.push(() => {
    client.dispose();
    port2.close();
  });
  return client;
}

async function filesOfModel(): Promise<File[]> {
  const config = denseMamba.parseConfig(json);
  const params = denseMamba.init(config, 3);
  const files: File[] = [new File([JSON.stringify(tokenizer)], 'tokenizer.json')];
  for (const { name, pieces } of pretrainedFiles({ model: denseMamba, config, params })) {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    for await (const piece of pieces) parts.push(piece.slice());
    files.push(new File(parts, name));
  }
  disposeTree(params);
  return files;
}

const sampling = { maxTokens: 8, temperature: 0.9, seed: 7, eosIds: [] };
const small: TrainOptions = {
  text: { kind: 'stories', characters: 3000 },
  ...{ hiddenSize: 8, numHiddenLayers: 2, stateSize: 2, denseLayers: 1, batchSize: 2, blockSize: 12, maxSteps: 4, learningRate: 0.1 },
  ...{ evalInterval: 2, evalBatches: 1, sampleInterval: 2, sampleTokens: 4, samplePrompt: 'The ', saveIntervalMs: 60_000 },
};

describe('a model in a worker', () => {
  it('writes what loadModel writes, at once and in parts', async () => {
    const files = await filesOfModel();
    const here = await loadModel(files, { device: 'cpu' });
    const model = await connected().load(files);
    const expected = await here.generate('Once', sampling);
    expect(await model.generate('Once', sampling)).toMatchObject(expected);
    let text = '';
    const tokens: unknown[] = [];
    for await (const part of model.streamTokens('Once', sampling)) {
      text += part.text;
      tokens.push(part.token);
      expect(part.seconds).toBeGreaterThan(0);
      expect(part.promptTokens).toBe(tokens.length === 1 ? 4 : undefined);
    }
    expect({ text, tokens }).toEqual({ text: expected.text, tokens: expected.tokens });
    const [first, second] = await model.generateBatch(['Once', 'Twice'], sampling);
    expect([first?.tokens.length, second?.promptTokens]).toEqual([8, 5]);
    const chat = [{ role: 'user', content: 'Hi' }] as const;
    expect(await model.chat(chat, sampling)).toEqual(await here.chat(chat, sampling));
    await here.dispose();
  });

  it('tells what it is', async () => {
    const model = await connected().load(await filesOfModel());
    expect(model).toMatchObject({ modelType: 'dense_mamba', isDense: true, layers: 2, hiddenSize: 8, vocabSize: 257, hasTokenizer: true });
    expect(model.stateBytes).toBe(4 * 2 * (16 * 4 + 16 * 3));
    expect(model.cacheBytesPerToken).toBe(4 * 2 * 2 * 8);
    expect(await model.decode(await model.encode('Zoë'))).toBe('Zoë');
  });

  it('goes on from forks, marks and snapshots, which Node opens too', async () => {
    const files = await filesOfModel();
    const model = await connected().load(files);
    const session = await model.session({ seed: 5 });
    await session.append('Once upon');
    expect(session.tokenCount).toBe(9);
    const [fork, mark, snapshot] = [await session.fork(), await session.mark(), await session.snapshot()];
    const { text } = await session.generate({ ...sampling, seed: 1 });
    expect((await fork.generate({ ...sampling, seed: 1 })).text).toBe(text);
    await session.rewind(mark);
    expect(session.tokenCount).toBe(9);
    expect((await session.generate({ ...sampling, seed: 1 })).text).toBe(text);
    const again = await model.restoreSession(snapshot);
    expect((await again.generate({ ...sampling, seed: 1 })).text).toBe(text);
    const here = await loadModel(files, { device: 'cpu' });
    const restored = await here.restoreSession(await fork.snapshot());
    expect(restored.tokenCount).toBe(fork.tokenCount);
    restored.dispose();
    await here.dispose();
    for (const one of [session, fork, again]) one.dispose();
    await expect(session.append('more')).rejects.toThrow(/The session was disposed of/);
  });

  it('holds a session at the last token that the page has taken', async () => {
    const model = await connected().load(await filesOfModel());
    const session = await model.session();
    await session.append('Once');
    let forked: number | undefined;
    for await (const _ of session.stream({ ...sampling, maxTokens: 100 })) {
      if (session.tokenCount === 6) forked = (await session.fork()).tokenCount;
      if (session.tokenCount === 7) break;
    }
    expect(forked).toBe(6);
    await session.append('!');
    expect(session.tokenCount).toBe(8);
  });

  it('ends a text that is cancelled with what there is', async () => {
    const model = await connected().load(await filesOfModel());
    const stop = new AbortController();
    const tokens: unknown[] = [];
    let finishReason: string | undefined;
    for await (const part of model.streamTokens('Once', { ...sampling, maxTokens: 10_000, signal: stop.signal })) {
      tokens.push(part.token);
      if (tokens.length === 3) stop.abort();
      finishReason = part.finishReason;
    }
    expect(finishReason).toBe('aborted');
    expect(tokens).toHaveLength(4); // the last part has no token
  });

  it('shows its inside, with and without its gates', async () => {
    const model = await connected().load(await filesOfModel());
    const trace = await model.inspect('abca', { lensSize: 2 });
    expect([...trace.tokens]).toEqual([97, 98, 99, 97]);
    expect(trace.texts).toEqual(['a', 'b', 'c', 'a']);
    expect(trace.layers).toHaveLength(2);
    expect(trace.layers[1]?.gates[0]?.values).toHaveLength(4 * 16);
    expect(Object.keys(trace.candidates).map(Number)).toEqual(expect.arrayContaining([...(trace.layers[1]?.lens.ids ?? [])]));
    expect((await model.inspect([97, 98], { closeGates: true, parts: ['gates'] })).gatesClosed).toBe(true);
  });

  it('compares kernels with their references until it is cancelled', async () => {
    const [stop, bounds] = [new AbortController(), [] as number[]];
    const done = connected().checkKernels({ signal: stop.signal, onReport: ({ bound }) => [bounds.push(bound), stop.abort()] });
    await expect(done).rejects.toThrow(/abort/);
    expect(bounds.map((bound) => bound > 0)).toEqual([true]);
  });

  it('passes its errors on', async () => {
    const client = connected();
    await expect(client.load([new File(['{}'], 'other.txt')])).rejects.toMatchObject({ code: 'FILE' });
    const model = await client.load(await filesOfModel());
    await expect(model.generate('', sampling)).rejects.toMatchObject({ code: 'TOKENS' });
    await expect(model.generate('a', { maxNewTokens: 3 } as never)).rejects.toThrow(/did you mean `maxTokens`/);
    await model.dispose();
    await expect(model.generate('a')).rejects.toThrow(/The model was disposed of/);
  });
});

/** Until the run tells of a state. */
const until = (run: Awaited<ReturnType<WorkerClient['train']>>, wanted: string): Promise<void> =>
  new Promise((resolve) => {
    const stop = run.listen((event) => {
      if (event.type !== 'state' || event.state !== wanted) return;
      stop();
      resolve();
    });
  });

/** Of dense and of plain, each with its average. */
const lossesOf = (events: readonly TrainingEvent[]): number[][] =>
  events.flatMap((one) => (one.type === 'step' ? [Object.values(one.twins).flatMap(({ loss, smoothed }) => [loss, smoothed])] : []));

describe('training in a worker', () => {
  it.each(['mamba', 'mamba2', 'retnet'] as const)(
    'takes a dense %s and its plain twin over the same batches, equal at first',
    async (family) => {
      const run = await connected().train({ ...small, family, start: false });
      expect(run.parameters.dense).toBeGreaterThan(run.parameters.plain ?? 0);
      const finished = until(run, 'finished');
      await run.resume();
      await finished;
      const losses = lossesOf(run.events);
      expect(losses).toHaveLength(4);
      expect(losses[0]?.[0]).toBeCloseTo(losses[0]?.[2] as number, 5);
      expect(losses[3]?.[0]).not.toBe(losses[3]?.[2]);
      const of = (type: string): number[] => run.events.flatMap((event) => (event.type === type && 'step' in event ? [event.step] : []));
      expect({ evaluations: of('evaluation'), samples: of('sample'), gates: of('gates') }).toEqual({
        evaluations: [0, 2, 4],
        samples: [2, 4],
        gates: [0, 2, 4],
      });
      const [sample] = run.events.filter((event) => event.type === 'sample');
      expect(Object.keys(sample?.texts ?? {})).toEqual(['dense', 'plain']);
      await run.dispose();
    },
  );

  it('goes on from a checkpoint bit for bit in another worker, and lists it', async () => {
    const whole = await connected().train({ ...small, start: false });
    for (let step = 0; step < 4; step++) await whole.stepOnce();
    const client = connected();
    const half = await client.train({ ...small, start: false });
    await half.stepOnce();
    await half.stepOnce();
    expect(half.state).toBe('paused');
    await half.pause();
    const other = connected();
    const saved = (await other.savedRuns()).find(({ id }) => id === half.id);
    expect(saved).toMatchObject({ id: half.id, step: 2, maxSteps: 4, twins: ['dense', 'plain'] });
    expect(saved?.bytes).toBeGreaterThan(1000);
    const run = await other.restoreRun(half.id);
    expect([run.step, run.state, run.options]).toEqual([2, 'paused', half.options]);
    expect(run.events).toEqual(half.events);
    await run.stepOnce();
    await run.stepOnce();
    expect(lossesOf(run.events)).toEqual(lossesOf(whole.events));
    expect(run.state).toBe('finished');
    const [one, two] = [await run.download('dense'), await whole.download('dense')];
    expect(one).toEqual(two);
    await other.deleteRun(run.id);
    expect((await other.savedRuns()).map(({ id }) => id)).toEqual([whole.id]);
  });

  it('takes the checkpoint before where the newest is damaged', async () => {
    const { root, storage } = fakeStorage();
    vi.stubGlobal('navigator', { storage });
    const client = connected();
    const run = await client.train({ ...small, start: false });
    await run.stepOnce();
    await run.save();
    await run.stepOnce();
    await run.save();
    const places = root.folders.get('densessm')?.folders.get('runs')?.folders.get(run.id)?.folders;
    const newest = JSON.parse(new TextDecoder().decode(places?.get('b')?.files.get('run%2Ejson'))).step === 2 ? 'b' : 'a';
    const bytes = places?.get(newest)?.files.get('plain%2Esafetensors');
    if (bytes) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    expect((await connected().restoreRun(run.id)).step).toBe(1);
  });

  it('gives models away: to talk to, and as a folder that Node opens', async () => {
    const client = connected();
    const run = await client.train({ ...small, start: false });
    await run.stepOnce();
    const model = await run.openModel('dense');
    await run.stepOnce(); // the copy stays as it was
    expect(model.isDense).toBe(true);
    const files = await run.download('dense');
    expect(files.map(({ name }) => name).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
    const here = await loadModel(
      files.map(({ name, bytes }) => new File([bytes as Uint8Array<ArrayBuffer>], name)),
      { device: 'cpu' },
    );
    const { text } = await here.generate('The ', { maxTokens: 4 });
    expect(text).toHaveLength(4);
    expect((await run.sample('dense', 'The ', { maxTokens: 4, temperature: 0 })).length).toBe(4);
    expect((await model.generate('The ', { maxTokens: 4 })).tokens).toHaveLength(4);
    const zip = new Uint8Array(await (await run.downloadZip('plain')).arrayBuffer());
    expect([...zip.subarray(0, 4)]).toEqual([0x50, 0x4b, 3, 4]);
    await here.dispose();
  });

  it('writes the command that makes the same run', async () => {
    const run = await connected().train({
      ...small,
      text: { kind: 'text', text: 'A long enough text. '.repeat(40), name: 'my notes' },
      family: 'retnet',
      start: false,
    });
    expect(run.textFile).toBe('my-notes.txt');
    expect(run.commands.dense).toBe(
      'densessm train --data my-notes.txt --model retnet --hidden-size 8 --num-hidden-layers 2 ' +
        `--config-json '{"dense_block_layers":1,"dense_gate_rank":1}' --tokenizer char --batch-size 2 --block-size 12 --learning-rate 0.1 ` +
        '--max-steps 4 --eval-interval 2 --eval-iters 1 --sample-interval 2 --seed 1337',
    );
    expect(run.commands.plain).not.toMatch(/config-json/);
  });

  it('says what is wrong with its settings and its text', async () => {
    const client = connected();
    const train = (options: Partial<TrainOptions>) => client.train({ ...small, ...options });
    await expect(train({ text: { kind: 'text', text: 'short' } })).rejects.toThrow(/shorter than a block[\s\S]*give more text/);
    await expect(train({ maxSteps: 0 })).rejects.toThrow(/`maxSteps` has no meaning/);
    await expect(train({ family: 'gru' as never })).rejects.toThrow(/mamba, mamba2, retnet/);
    await expect(train({ text: undefined as never })).rejects.toThrow(/kind: 'stories'/);
    await expect(client.restoreRun('nothing')).rejects.toMatchObject({ code: 'FILE' });
  });
});
