import { MambaLayer, RmsNorm, Mamba2Layer, RetentionLayer } from '@densessm/layers';
import { startBackend } from '@densessm/runtime-node';
import { tensor, train, tidy } from '@tensorflow/tfjs-core';
import { layers, sequential } from '@tensorflow/tfjs-layers';
await startBackend({ device: 'wasm', threads: 1 });
const T = Number(process.argv[2] ?? 60), STEPS = Number(process.argv[3] ?? 60), B = 32;
function rng(seed){let s=seed;return()=>{s=(s+0x6d2b79f5)>>>0;let m=Math.imul(s^(s>>>15),s|1);m^=m+Math.imul(m^(m>>>7),m|61);return((m^(m>>>14))>>>0)/4294967296}}
function data(n, seed){ const r=rng(seed); const x=new Float32Array(n*T*2), y=new Float32Array(n);
 for(let i=0;i<n;i++){ for(let t=0;t<T;t++) x[(i*T+t)*2]=r(); const a=Math.floor(r()*T/2), b=Math.floor(T/2+r()*T/2); for (const p of [a,b]){x[(i*T+p)*2+1]=1; y[i]+=x[(i*T+p)*2];} }
 return [tensor(x,[n,T,2]), tensor(y,[n,1])]; }
const make = {
 mamba: () => [layers.dense({units: 8, inputShape:[null,2]}), new MambaLayer({depth:2,stateSize:4,dense:{denseLayers:1},returnSequences:false}), new RmsNorm(), layers.dense({units:1})],
 lstm: () => [layers.lstm({units: 16, inputShape:[null,2], recurrentInitializer:'glorotNormal'}), layers.dense({units:1})],
};
const [test, truth] = data(256, 99);
for (const name of Object.keys(make)) for (const lr of [0.003, 0.01, 0.03]) {
  const m = sequential({layers: make[name]()}); m.compile({optimizer: train.adam(lr), loss:'meanSquaredError'});
  const [x,y] = data(STEPS*B, 1); const t0=performance.now();
  const h = await m.fit(x,y,{epochs:1,batchSize:B,shuffle:false,verbose:0});
  const e = m.evaluate(test,truth,{batchSize:256}); console.log(name, lr, m.countParams(), (await e.data())[0].toFixed(4), ((performance.now()-t0)/STEPS).toFixed(0)+' ms/step'); x.dispose(); y.dispose();
}
