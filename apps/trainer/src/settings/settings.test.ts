import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addSettingFlags, settingsOf } from './flags';
import { nearest } from './nearest';
import { PRESETS, presetSettings } from './presets';
import { completeSettings, givenSettings, minimumRate, resumedSettings, warmupSteps } from './resolve';
import { kebab, SETTING_NAMES, wasGiven } from './table';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'densessm-settings-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function configFile(name: string, text: string): Promise<string> {
  await writeFile(join(folder, name), text);
  return name;
}

/** What commander makes of a line. */
function parse(...argv: string[]) {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  addSettingFlags(command);
  command.parse(argv, { from: 'user' });
  return settingsOf(command.opts());
}

describe('flags', () => {
  it('read numbers, words and lists, and leave out what was not given', () => {
    expect(parse('--learning-rate', '3e-4', '--data', 'a.txt', 'b', '--data', 'c', '--carry-state', '--max-steps', '10_000')).toEqual({
      learningRate: 3e-4,
      data: ['a.txt', 'b', 'c'],
      carryState: true,
      maxSteps: 10_000,
    });
    expect(parse()).toEqual({});
    expect(parse('--no-carry-state')).toEqual({ carryState: false });
  });

  it.each([
    [['--batch-size', '0']],
    [['--batch-size', '1.5']],
    [['--learning-rate', 'fast']],
    [['--model', '../mamba']],
    [['--learning-rte', '1']],
    [['--val-split', '0.95']],
  ])('refuse %j', (argv) => {
    expect(() => parse(...argv)).toThrow();
  });
});

describe('a config file', () => {
  it('says the same in YAML and JSON, in any spelling of a name', async () => {
    const yaml = await configFile('a.yaml', 'learning-rate: 3e-4\nmax_steps: 7\nevalInterval: 0\ndata: book.txt\nrecompute: true\n');
    const json = await configFile(
      'a.json',
      '{"learning_rate": 3e-4, "max-steps": 7, "eval_interval": 0, "data": ["book.txt"], "recompute": true}',
    );
    const expected = { learningRate: 3e-4, maxSteps: 7, evalInterval: 0, data: expect.anything(), recompute: true };
    for (const configFile of [yaml, json]) expect(await givenSettings({ flags: {}, configFile }, folder)).toEqual(expected);
  });

  it('wins over a preset and loses to flags', async () => {
    const configFileName = await configFile('b.yaml', 'preset: dense-retnet-350m\nblock-size: 64\nbatch-size: 5\n');
    const given = await givenSettings({ flags: { batchSize: 3 }, configFile: configFileName }, folder);
    expect(given).toMatchObject({ model: 'dense-retnet', learningRate: 6e-4, blockSize: 64, batchSize: 3 });
  });

  it.each([
    ['learning-rte: 1', 'did you mean learning-rate?'],
    ['n_layer: 2', 'did you mean num-hidden-layers?'],
    ['learning-rate: quick', 'a number from 0'],
    ['- 1\n- 2', 'it holds no settings'],
    ['a: [', 'neither YAML nor JSON'],
    ['preset: nanogtp', 'There is no such preset'],
  ])('with %j is refused and tells how to fix it', async (text, told) => {
    await expect(givenSettings({ flags: {}, configFile: await configFile('bad.yaml', text) }, folder)).rejects.toThrow(told);
  });

  it('that is not there is an error that names it', async () => {
    await expect(givenSettings({ flags: {}, configFile: 'none.yaml' }, folder)).rejects.toMatchObject({ code: 'FILE', got: 'ENOENT' });
  });
});

describe('settings together', () => {
  it('fill in what depends on others', () => {
    const settings = completeSettings({ maxSteps: 1000, warmupRatio: 0.015, learningRate: 2e-3 });
    expect([warmupSteps(settings), minimumRate(settings)]).toEqual([15, 2e-4]);
    expect(minimumRate(completeSettings({ lrScheduler: 'polynomial' }))).toBe(1e-7);
  });

  it.each([
    [{ carryState: true, everyTokenOnce: true }, 'contradict'],
    [{ learningRate: 1e-4, minLr: 1e-3 }, '--min-lr'],
    [{ maxSteps: 10, warmupSteps: 11 }, '--warmup-steps'],
    [{ learningRate: 0 }, '--learning-rate'],
  ])('%j are refused', (given, told) => {
    expect(() => completeSettings(given)).toThrow(told);
  });

  it('know what was given, also as copies, and write it to no file', () => {
    const settings = { ...completeSettings({ maxSteps: 3, seed: undefined }, { hiddenSize: 8 }) };
    expect([wasGiven(settings, 'maxSteps'), wasGiven(settings, 'seed'), wasGiven(settings, 'hiddenSize')]).toEqual([true, false, false]);
    expect(settings).toMatchObject({ maxSteps: 3, hiddenSize: 8 });
    expect(Object.keys(JSON.parse(JSON.stringify(settings)))).not.toContain('given');
  });

  it('of a run that goes on may be longer and may not be of another model', () => {
    const own = completeSettings({ hiddenSize: 32, maxSteps: 10 });
    expect(resumedSettings(own, { maxSteps: 20, hiddenSize: 32, initFrom: 'resume' })).toMatchObject({ maxSteps: 20, hiddenSize: 32 });
    expect(() => resumedSettings(own, { hiddenSize: 64 })).toThrow('--hidden-size cannot change while a run goes on');
    expect(() => resumedSettings(own, { seed: 2 })).toThrow('--seed');
  });
});

describe('presets', () => {
  it('are complete and in order', () => {
    for (const name of Object.keys(PRESETS)) expect(() => completeSettings(presetSettings(name))).not.toThrow();
  });

  it("has the paper's recipe", () => {
    const settings = completeSettings(presetSettings('dense-retnet-350m'));
    expect(settings).toMatchObject({
      ...{ model: 'dense-retnet', hiddenSize: 1536, numHiddenLayers: 16, denseLayers: 1, blockSize: 2048 },
      ...{ learningRate: 6e-4, lrScheduler: 'polynomial', warmupRatio: 0.015, weightDecay: 0.01, beta2: 0.98 },
    });
  });
});

describe('a name that was meant', () => {
  it('is found within a few slips, and nothing where nothing is near', () => {
    const names = SETTING_NAMES.map(kebab);
    expect(nearest('lerning-rate', names)).toBe('learning-rate');
    expect(nearest('batchsize', names)).toBe('batch-size');
    expect(nearest('zzz', names)).toBeUndefined();
  });
});
