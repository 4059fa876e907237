// A user's program: plain ESM on the packed packages, without a bundler, TypeScript or the sources.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mamba } from '@densessm/mamba';
import { retnet } from '@densessm/retnet';
import { startBackend } from '@densessm/runtime-node';
import { disposeTree } from '@densessm/ssm-core';
import { memory } from '@tensorflow/tfjs-core';

const TOKENS = [[5, 3, 8, 1, 9, 2, 6]];

/** Feeds the tokens in pieces of the given lengths and returns the logits of all positions. */
async function inPieces(model, params, config, lengths) {
  let state = model.initialState(config, 1);
  const logits = [];
  let start = 0;
  for (const length of lengths) {
    const [piece, next] = model.advance(params, config, [TOKENS[0].slice(start, start + length)], state);
    logits.push(...(await piece.data()));
    piece.dispose();
    disposeTree(state);
    state = next;
    start += length;
  }
  disposeTree(state);
  return logits;
}

function assertClose(name, want, got) {
  assert.equal(got.length, want.length, `${name}: number of logits`);
  const rms = Math.sqrt(want.reduce((sum, x) => sum + x * x, 0) / want.length);
  const worst = Math.max(...want.map((x, i) => Math.abs(x - got[i])));
  assert.ok(rms > 0 && worst <= 1e-4 * rms, `${name}: worst difference ${worst}, RMS ${rms}`);
}

async function check(name, model, json) {
  const config = model.parseConfig(json);
  const before = memory().numTensors;
  const params = model.init(config, 7);
  const logits = model.forward(params, config, TOKENS);
  assert.deepEqual(logits.shape, [1, TOKENS[0].length, json.vocab_size]);
  const whole = [...(await logits.data())];
  assertClose(`${name}, token by token`, whole, await inPieces(model, params, config, [1, 1, 1, 1, 1, 1, 1]));
  assertClose(`${name}, in pieces`, whole, await inPieces(model, params, config, [1, 4, 2]));
  logits.dispose();
  disposeTree(params);
  assert.equal(memory().numTensors, before, `${name}: tensors left behind`);
}

// Every package loads by itself, and no import is a second copy.
const { dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
for (const name of Object.keys(dependencies)) assert.ok(Object.keys(await import(name)).length > 0, `${name} exports nothing`);

const { backend } = await startBackend();
await check('mamba', mamba, { model_type: 'mamba', vocab_size: 11, hidden_size: 16, num_hidden_layers: 2, state_size: 4 });
await check('retnet', retnet, {
  model_type: 'retnet',
  vocab_size: 11,
  decoder_embed_dim: 16,
  decoder_layers: 2,
  decoder_retention_heads: 2,
  decoder_value_embed_dim: 32,
  decoder_ffn_embed_dim: 24,
});
console.log(`Node ${process.versions.node}, ${backend}: mamba and retnet agree in all modes`);
