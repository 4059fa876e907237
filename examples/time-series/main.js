/**
 * A time series in place of text: the temperature of a building from how it is heated and the weather, neither of which it follows at once. Its rooms
 * forget in some 5 steps, its walls in some 50 (two resistances and capacities in a row, as engineers model it). A DenseMamba and an LSTM of equal
 * size get the same sequences for the same time, and are asked for the temperature at every step.
 * node main.js [seconds for each] [learning rates]
 */
import { MambaLayer, RmsNorm } from '@densessm/layers';
import { startBackend } from '@densessm/runtime-node';
import { dispose, moments, sqrt, tensor, tidy, train } from '@tensorflow/tfjs-core';
import { initializers, layers, sequential } from '@tensorflow/tfjs-layers';

const [SECONDS = 20, RATES = '0.03'] = process.argv.slice(2);
const [LENGTH, BATCH] = [64, 16];

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

/** Sequences of [heating, weather], and the temperatures inside. */
function series(count, seed) {
  const random = randomFrom(seed);
  const inputs = [];
  const temperatures = Array.from({ length: count }, () => {
    let [heating, room, wall] = [0, 0, 0];
    const phase = 2 * Math.PI * random();
    inputs.push([]);
    return Array.from({ length: LENGTH }, (_, t) => {
      if (random() < 0.15) heating = Number(random() < 0.4); // somebody turns it on or off
      const weather = Math.sin(phase + t / 8) + 0.5 * (random() - 0.5);
      inputs.at(-1).push([heating, weather]);
      room += (3 * heating + 0.3 * weather + 2 * wall - 3 * room) / 15;
      wall += (room + 0.5 * weather - 1.6 * wall) / 40;
      return [room];
    });
  });
  return [tensor(inputs), tensor(temperatures)];
}

const inputShape = [null, 2];
const kernelInitializer = initializers.glorotUniform({ seed: 1 });
/** Of an LSTM; its default has no kernel on wasm. */
const recurrentInitializer = initializers.glorotUniform({ seed: 2 });
const MODELS = {
  DenseMamba: () => [
    layers.dense({ units: 8, inputShape, kernelInitializer }),
    new MambaLayer({ depth: 2, stateSize: 4, dense: { denseLayers: 1 } }),
    new RmsNorm(),
    layers.dense({ units: 1, kernelInitializer }),
  ],
  LSTM: () => [
    layers.lstm({ units: 18, inputShape, returnSequences: true, kernelInitializer, recurrentInitializer }),
    layers.dense({ units: 1, kernelInitializer }),
  ],
};

await startBackend({ device: 'wasm', threads: 1 });
const [testX, testY] = series(128, 1);
const [spread] = await tidy(() => sqrt(moments(testY).variance)).data();
console.log(`the temperature has a spread of ${spread.toFixed(3)}`);

/** Trains on ever new sequences until the time is over; returns how often. */
async function trained(model, seconds) {
  const end = performance.now() + 1000 * seconds;
  let step = 0;
  while (performance.now() < end) {
    const [x, y] = series(BATCH, 2 + step++);
    await model.trainOnBatch(x, y);
    dispose([x, y]);
  }
  return step;
}

for (const [name, make] of Object.entries(MODELS))
  for (const rate of RATES.split(',')) {
    const model = sequential({ layers: make() });
    model.compile({ optimizer: train.adam(Number(rate)), loss: 'meanSquaredError' });
    const steps = await trained(model, Number(SECONDS));
    const [error] = await tidy(() => model.evaluate(testX, testY, { batchSize: 64 })).data();
    console.log(`${name}: ${model.countParams()} weights, error ${Math.sqrt(error).toFixed(3)} after ${steps} steps at rate ${rate}`);
  }
