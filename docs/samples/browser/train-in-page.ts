import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import { createWorkerClient } from 'densessm/web';

const client = createWorkerClient({ wasmUrl });
const run = await client.train({ text: { kind: 'stories' }, family: 'mamba', maxSteps: 200 }); // a DenseMamba and its plain twin
run.listen((event) => {
  if (event.type === 'evaluation')
    document.title = `${event.step}: ${event.losses.dense?.toFixed(3)} beside ${event.losses.plain?.toFixed(3)}`;
});
const [latest] = await client.savedRuns(); // after a reload: client.restoreRun(latest.id)
if (latest) document.title = `${latest.name}, step ${latest.step}`;
