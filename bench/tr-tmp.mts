import { startBackend } from '@densessm/runtime-node';
import { makeStep } from './lib/training-step';
import { parseSizes } from './cpu/training';
const [threads='2', name='Mamba', sizes='4x128x12x64'] = process.argv.slice(2);
await startBackend({ device: 'wasm', threads: Number(threads) });
const spec = (globalThis as any).process.env.SIZES ?? sizes;
const step = makeStep(name as any, parseSizes(spec), name.startsWith('Dense') ? { dense_block_layers: 1 } : {});
for (let i=0;i<10;i++) await step();
console.log('ready');
import { createInterface } from 'node:readline';
for await (const _ of createInterface({ input: process.stdin })) {
  const T:number[]=[]; const n = Number(process.env.N ?? 15); for (let i=0;i<n;i++) { const t=performance.now(); await step(); T.push(performance.now()-t); }
  T.sort((a,b)=>a-b); console.log([T[0],T[n>>1],T.reduce((a,b)=>a+b)/n].join(' '));
}
