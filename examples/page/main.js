/**
 * A page that continues what a visitor writes, with a model that lies beside it: `densessm convert MODEL my-model --dtype int8` makes its folder.
 * Built by Vite, with `densessm` and `@tensorflow/tfjs-backend-wasm` installed.
 */
import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import { loadModel } from 'densessm';

const places = ['form', 'button', 'output', '#progress', '[role=status]'];
const [form, button, output, progress, status] = places.map((place) => document.querySelector(place));
/** Screen readers read the status out: it has what comes once, not what grows. */
const show = (error) => {
  status.textContent = error.message;
};

try {
  const model = await loadModel('./my-model', {
    wasmUrl,
    onProgress: ({ file, loaded, total }) => {
      progress.textContent = `${file}: ${Math.round((100 * loaded) / total)} %`;
    },
  });
  status.textContent = model.device;
  button.disabled = false;
  form.onsubmit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    status.textContent = '';
    try {
      const prompt = new FormData(form).get('prompt');
      output.textContent = prompt;
      for await (const part of model.stream(prompt, { maxTokens: 40 })) output.textContent += part;
      status.textContent = 'The text has ended.';
    } catch (error) {
      show(error);
    }
    button.disabled = false;
  };
} catch (error) {
  show(error);
} finally {
  progress.remove();
}
