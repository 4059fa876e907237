import { readFileSync } from 'node:fs';
import { denseMamba, denseMamba2, mamba, mamba2 } from '@densessm/mamba';
import { denseRetNet, retnet } from '@densessm/retnet';
import { type AnyModel, countParams, disposeTree, namedParams } from '@densessm/ssm-core';
import { setBackend } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadPretrained } from './index';

const fixtures = new URL('../../../fixtures/', import.meta.url);
const models: AnyModel[] = [denseMamba2, denseRetNet, retnet, mamba2, denseMamba, mamba];

/** The files of a fixture under the names that a published model has. */
const filesOf = (folder: string, suffix: string): File[] =>
  ['config.json', 'model.safetensors'].map((name) => {
    const stored = suffix ? name.replace('.', `.${suffix}.`) : name;
    return new File([new Uint8Array(readFileSync(new URL(`${folder}/${stored}`, fixtures)))], name);
  });

beforeAll(async () => {
  await setBackend('cpu');
});

describe('the files of a reference', () => {
  it.each<[string, string, string, AnyModel, string]>([
    ["transformers' Mamba", 'mamba_tied', '', mamba, 'backbone.embeddings.weight'],
    ["state-spaces' Mamba", 'mamba_tied', 'original', mamba, 'backbone.embedding.weight'],
    ["transformers' Mamba-2", 'mamba2_g1', '', mamba2, 'backbone.embeddings.weight'],
    ["state-spaces' Mamba-2", 'mamba2_g2_original', '', mamba2, 'backbone.embedding.weight'],
    ["torchscale's RetNet", 'retnet_swish_h4', '', retnet, 'embed_tokens.weight'],
    ['DenseRetNet', 'dense_retnet_m1_h2', '', denseRetNet, 'model.embed_tokens.weight'],
  ])('are recognized by themselves: %s', async (_, folder, suffix, model, embedding) => {
    const loaded = await loadPretrained(filesOf(folder, suffix), { models });
    expect(loaded.model.modelType).toBe(model.modelType);
    const spec = loaded.model.spec(loaded.config);
    const params = [...namedParams(spec, loaded.params)];
    expect(params.map(([{ name }]) => name)).toContain(embedding);
    expect(params.reduce((sum, [, { size }]) => sum + size, 0)).toBe(countParams(spec));
    disposeTree(loaded.params);
  });
});
