// The same model in Node, on the wasm backend, to compare with. Uses the built packages.
import { Session } from '@densessm/generate';
import { inspect } from '@densessm/inspect';
import { loadModel } from 'densessm';

/** How Snapshots goes on. */
const SNAPSHOT = { maxTokens: 64, temperature: 0.8, topP: 0.95, seed: 1 };

/** @param {string} folder */
export async function nodeSide(folder) {
  const model = await loadModel(folder, { device: 'wasm', threads: 1 });
  return {
    /** @param {string} prompt @param {object} options */
    generate: async (prompt, options) => (await model.generate(prompt, options)).text,
    /** @param {string} text */
    snapshot: async (text) => {
      const session = model.session();
      await session.append(text);
      return session.snapshot();
    },
    /** @param {Uint8Array} bytes @param {string} asked */
    goOn: async (bytes, asked) => {
      const session = await Session.restore(model, bytes);
      await session.append(asked);
      return (await session.generate(SNAPSHOT)).text;
    },
    /** @param {string} other @param {string} prompt */
    textOf: async (other, prompt) => {
      const trained = await loadModel(other, { device: 'wasm', threads: 1 });
      const { text } = await trained.generate(prompt, { maxTokens: 8, temperature: 0 });
      await trained.dispose();
      return text;
    },
    /** Of every token after every token of a text. @param {string} other @param {string} text */
    logprobs: async (other, text) => {
      const trained = await loadModel(other, { device: 'wasm', threads: 1 });
      const tokens = [...trained.tokenizer.encode(text)];
      const { vocabSize } = trained.config;
      const { layers } = await inspect(trained, tokens, { lensSize: vocabSize, parts: ['lens'] });
      const { ids, logprobs } = layers.at(-1).lens;
      const rows = tokens.map(() => new Array(vocabSize));
      for (const [i, id] of ids.entries()) rows[Math.floor(i / vocabSize)][id] = logprobs[i];
      await trained.dispose();
      return { tokens, logprobs: rows };
    },
    dispose: () => model.dispose(),
  };
}
