import { loadModel } from 'densessm';

/** `<input type="file" multiple id="model">`: the files of a model's folder. */
const input = document.querySelector<HTMLInputElement>('#model');
input?.addEventListener('change', async () => {
  const model = await loadModel(Array.from(input.files ?? []));
  document.title = model.model.modelType;
});
