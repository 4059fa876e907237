/**
 * Two steps in a chain of LangChain, with a model in this process: an LLM finds a title, a chat model writes about it.
 * node main.js ./my-model
 */
import { ChatDenseSSM, DenseSSM } from '@densessm/langchain';
import { StringOutputParser } from '@langchain/core/output_parsers';
import { ChatPromptTemplate, PromptTemplate } from '@langchain/core/prompts';
import { RunnableSequence } from '@langchain/core/runnables';
import { loadModel } from 'densessm';

const [folder = './my-model'] = process.argv.slice(2);
const model = await loadModel(folder);
const llm = new DenseSSM({ model, maxTokens: 8 });
const chat = new ChatDenseSSM({ model, maxTokens: 24, temperature: 0.8, seed: 7 });

const title = RunnableSequence.from([PromptTemplate.fromTemplate('A story about {topic} is called'), llm, (text) => text.trim()]);
const story = ChatPromptTemplate.fromMessages([
  ['system', 'You write short stories.'],
  ['human', 'Write the beginning of "{title}".'],
]);
const chain = RunnableSequence.from([{ title }, story, chat, new StringOutputParser()]);

for await (const part of await chain.stream({ topic: 'the sea' })) process.stdout.write(part);
const more = await chain.batch([{ topic: 'a dog' }, { topic: 'a small model' }]); // together
console.log(`\nand ${more.length} more`);

await chat.close();
await model.dispose();
