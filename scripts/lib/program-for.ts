/** A program in five lines that continues a text with the model of a folder. */
export const programFor = (folder: string): string => `import { loadModel } from 'densessm';

const model = await loadModel(${JSON.stringify(folder)});
const { text } = await model.generate('Once upon a time', { maxTokens: 60 });
console.log(text);
for await (const part of model.stream('Once', { temperature: 0.8, maxTokens: 60 })) process.stdout.write(part);
await model.dispose();
`;
