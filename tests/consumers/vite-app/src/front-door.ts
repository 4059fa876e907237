import { type LanguageModel, loadModel } from 'densessm';

const model: LanguageModel = await loadModel('./my-model', { weights: 'int8' });
const { text } = await model.generate('Once upon a time', { maxTokens: 40 });
const place = document.querySelector('#text');
if (place) place.textContent = text.toUpperCase();
