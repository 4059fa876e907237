/**
 * Text in five lines, from the folder of a model or of a training run.
 * node main.js ./my-model
 */
import { loadModel } from 'densessm';

const model = await loadModel(process.argv[2] ?? './my-model');
const { text } = await model.generate('Once upon a time', { maxTokens: 20 });
console.log(JSON.stringify(text));
for await (const part of model.stream('Once', { maxTokens: 20, temperature: 0.8, seed: 7 })) process.stdout.write(part);
await model.dispose();
