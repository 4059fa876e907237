// The page's side of check.mjs, which calls these through playwright. Bytes come and go in base64.
import '@tensorflow/tfjs-backend-cpu';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import wasmFile from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import { setBackend } from '@tensorflow/tfjs-core';
import * as sessions from './sessions.mjs';

/** tfjs asks for a place of each; with SIMD and without shared memory it opens the second. */
const BINARIES = ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm-threaded-simd.wasm'];

const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const textOf = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
const asText = (result) => Object.fromEntries(Object.entries(result).map(([key, value]) => [key, value.buffer ? textOf(value) : value]));

globalThis.side = {
  async start(backend) {
    if (backend === 'wasm') setWasmPaths(Object.fromEntries(BINARIES.map((name) => [name, wasmFile])));
    if (!(await setBackend(backend))) throw new Error(`${backend} did not start`);
  },
  build: sessions.build,
  load: (name, files) =>
    sessions.load(
      name,
      files.map((file) => new File([bytesOf(file.bytes)], file.name)),
    ),
  begin: async (name) => asText(await sessions.begin(name)),
  continued: async (name, snapshot) => asText(await sessions.continued(name, bytesOf(snapshot))),
  refusal: (name, snapshot) => sessions.refusal(name, bytesOf(snapshot)),
  unloadAll: sessions.unloadAll,
};
