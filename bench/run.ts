/**
 * `npm run bench`: how long each model takes here. Prints a table and writes bench/results/*.json, from which a later run
 * can be compared on the same machine. Options: --only NAME (part of a model's name), --device, --hidden, --layers, --length.
 */
import { parseArgs } from 'node:util';
import { sixModels } from '@densessm/conformance';
import { startBackend } from '@densessm/runtime-node';
import { alignTable } from '../scripts/lib/table';
import { commit, keepResults, machine } from './lib/results';
import { type Measurement, measureModel } from './models';

function readOptions() {
  const text = (fallback: string) => ({ type: 'string', default: fallback }) as const;
  const options = {
    only: text(''),
    device: text('wasm'),
    hidden: text('256'),
    layers: text('8'),
    length: text('128'),
    vocab: text('4096'),
  };
  const { values } = parseArgs({ options });
  const sizes = { vocabSize: Number(values.vocab), hiddenSize: Number(values.hidden), layers: Number(values.layers), heads: 4 };
  return { only: values.only.toLowerCase(), device: values.device, length: Number(values.length), sizes };
}

const asRow = ({ model, what, parameters, tokens, medianMs, minMs, samples }: Measurement): string[] => [
  `${model}, ${what}`,
  `${(parameters / 1e6).toFixed(1)} M`,
  medianMs.toFixed(1),
  minMs.toFixed(1),
  ((tokens * 1000) / medianMs).toFixed(0),
  String(samples),
];

const { only, device, length, sizes } = readOptions();
const { backend, reason } = await startBackend({ device: device as 'wasm' });
console.log(`backend  ${reason}`);
const measured: Measurement[] = [];
for (const one of sixModels(sizes).filter(({ name }) => name.toLowerCase().includes(only))) {
  for await (const result of measureModel(one, length, sizes.vocabSize)) {
    measured.push(result);
    process.stderr.write(`  ${result.model}, ${result.what}: ${result.medianMs.toFixed(1)} ms\n`);
  }
}
const report = {
  date: new Date().toISOString(),
  commit: commit(),
  machine: machine(),
  backend,
  dtype: 'float32',
  batch: 1,
  length,
  ...sizes,
  measured,
};
keepResults('models', report);
const head = ['model, run', 'parameters', 'median ms', 'least ms', 'tokens/s', 'samples'];
console.log(`\n${report.machine.cpu}, ${report.machine.cores} cores, Node ${report.machine.node}, ${backend}, float32`);
console.log(`hidden ${sizes.hiddenSize}, ${sizes.layers} layers, vocabulary ${sizes.vocabSize}, batch 1, ${length} tokens (a step: 1)\n`);
for (const line of alignTable([head, ...measured.map(asRow)])) console.log(line);
