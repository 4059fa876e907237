/** A Mamba as the file that kroggen/mamba.c reads (version 1): a head of 256 bytes, then one kind of tensor after another, float32. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import type { MambaConfig, MambaParams } from '@densessm/mamba';
import type { Tensor } from '@tensorflow/tfjs-core';
import { valuesOf } from './gguf';

type Layer = MambaParams['layers'][number];

const KINDS: ((layer: Layer) => Tensor | undefined)[] = [
  ({ mixer }) => mixer.inProj.weight,
  ({ mixer }) => mixer.conv1d.weight,
  ({ mixer }) => mixer.conv1d.bias,
  ({ mixer }) => mixer.xProj,
  ({ mixer }) => mixer.dtProj.weight,
  ({ mixer }) => mixer.dtProj.bias,
  ({ mixer }) => mixer.aLog,
  ({ mixer }) => mixer.D,
  ({ mixer }) => mixer.outProj.weight,
  ({ norm }) => norm,
];
const MAGIC = 0x4d616d62;
const SHARED_HEAD = 1;

export async function writeMambaC(file: string, params: MambaParams, c: MambaConfig): Promise<void> {
  const head = new Int32Array(64);
  const sizes = [c.numHiddenLayers, c.vocabSize, c.hiddenSize, c.innerSize, c.timeStepRank, c.stateSize, c.convKernel];
  head.set([MAGIC, 1, ...sizes, SHARED_HEAD]);
  const out = openSync(file, 'w');
  try {
    writeFileSync(out, head);
    writeFileSync(out, await valuesOf(params.embeddings, false));
    writeFileSync(out, new Float32Array(((8 - (c.vocabSize % 8)) % 8) * c.hiddenSize)); // it rounds the vocabulary up
    for (const kind of KINDS)
      for (const layer of params.layers) {
        const tensor = kind(layer);
        if (tensor) writeFileSync(out, await valuesOf(tensor, tensor === layer.mixer.aLog));
      }
    writeFileSync(out, await valuesOf(params.normF, false));
  } finally {
    closeSync(out);
  }
}
