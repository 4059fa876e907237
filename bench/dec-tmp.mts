import { mamba, denseMamba } from '@densessm/mamba';
import { denseRetNet } from '@densessm/retnet'; import { loadPretrained, startBackend } from '@densessm/runtime-node';
import { disposeTree } from '@densessm/ssm-core';
const [threads='2', weights='int8', which='0', rounds='8'] = process.argv.slice(2);
await startBackend({ device: 'wasm', threads: Number(threads) });
const dirs = ['/tmp/peers/work/Mamba-130M-32edb117','/tmp/peers/work/DenseMamba-130M-1bf38454','/tmp/peers/work/DenseRetNet-m-0-c5a0d6a6','/tmp/peers/work/DenseRetNet-e6a568c3'];
const { model, config, params } = await loadPretrained(dirs[Number(which)], { models: [mamba, denseMamba, denseRetNet] as any, weights: weights as any });
const dec = await (model as any).decoder(params, config, { batch: 1 });
const s = model.initialState(config, 1); await dec.load(s); disposeTree(s);
for (let i=0;i<100;i++) dec.step([i*7919%31000]);
console.log('ready');
import { createInterface } from 'node:readline';
for await (const _ of createInterface({ input: process.stdin })) {
  const T=[]; for (let i=0;i<40;i++) { const t=performance.now(); dec.step([(i*7919)%31000]); T.push(performance.now()-t); }
  T.sort((a,b)=>a-b); console.log([T[2],T[20],T.reduce((a,b)=>a+b)/40].join(' '));
}
