/**
 * A time series in place of text: at every step comes a reading, and marks say which two of them count; asked is their sum at the end. It is the
 * test of long memory with which the LSTM was introduced (Hochreiter and Schmidhuber 1997, experiment 4), here for a DenseMamba and an LSTM of
 * equal size, trained alike on as many sequences.
 * node main.js [steps]
 */
import { MambaLayer, RmsNorm } from '@densessm/layers';
import { startBackend } from '@densessm/runtime-node';
import { tensor, tidy, train } from '@tensorflow/tfjs-core';
import { layers, sequential } from '@tensorflow/tfjs-layers';

const [STEPS = 150, RATES = '0.01'] = process.argv.slice(2);
const [LENGTH, BATCH] = [100, 32];

/** Numbers from 0 to 1, from a seed (mulberry32). */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Sequences of [reading, mark], one mark in either half, and the sums of what is marked. */
function series(count, seed) {
  const random = randomFrom(seed);
  const sums = [];
  const steps = Array.from({ length: count }, () => {
    const marks = [0, 1].map((half) => Math.floor(((half + random()) * LENGTH) / 2));
    const readings = Array.from({ length: LENGTH }, (_, t) => [random(), Number(marks.includes(t))]);
    sums.push([marks.reduce((sum, t) => sum + readings[t][0], 0)]);
    return readings;
  });
  return [tensor(steps), tensor(sums)];
}

const inputShape = [null, 2];
const MODELS = {
  DenseMamba: () => [
    layers.dense({ units: 8, inputShape }),
    new MambaLayer({ depth: 2, stateSize: 4, dense: { denseLayers: 1 }, returnSequences: false }),
    new RmsNorm(),
    layers.dense({ units: 1 }),
  ],
  // its default start of the recurrent weights has no kernel on wasm
  LSTM: () => [layers.lstm({ units: 16, inputShape, recurrentInitializer: 'glorotNormal' }), layers.dense({ units: 1 })],
};

await startBackend({ device: 'wasm', threads: 1 });
const [x, y] = series(Number(STEPS) * BATCH, 1);
const [testX, testY] = series(256, 2);
for (const [name, make] of Object.entries(MODELS))
  for (const rate of RATES.split(',')) {
    const model = sequential({ layers: make() });
    model.compile({ optimizer: train.adam(Number(rate)), loss: 'meanSquaredError' });
    const started = performance.now();
    await model.fit(x, y, { batchSize: BATCH, shuffle: false, verbose: 0 });
    const seconds = (performance.now() - started) / 1000;
    const [error] = await tidy(() => model.evaluate(testX, testY, { batchSize: 64 })).data();
    console.log(
      `${name}: ${model.countParams()} weights, error ${Math.sqrt(error).toFixed(3)} of ${STEPS} steps at rate ${rate}, ${seconds.toFixed(1)} s`,
    );
  }
