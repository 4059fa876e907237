/**
 * A conversation with the AI SDK and a model in this process: the second question does not read the first one again.
 * node main.js ./my-model
 */
import { createDenseSSM } from '@densessm/ai-sdk';
import { streamText } from 'ai';
import { loadModel } from 'densessm';

const [folder = './my-model'] = process.argv.slice(2);
const model = await loadModel(folder);
const densessm = createDenseSSM({ model });

const messages = [];
for (const question of ['Once upon a time', 'And then?']) {
  messages.push({ role: 'user', content: question });
  const answer = streamText({ model: densessm(), messages, maxOutputTokens: 12, temperature: 0.8, seed: 7 });
  process.stdout.write(`${question} -> `);
  for await (const part of answer.textStream) process.stdout.write(part);
  const { inputTokens, inputTokenDetails } = await answer.usage;
  console.log(` (${inputTokenDetails.cacheReadTokens} of ${inputTokens} tokens known)`);
  messages.push(...(await answer.response).messages);
}

await densessm.close();
await model.dispose();
