/**
 * A chat server and two clients that talk to it at once, over HTTP as any client of the OpenAI API would.
 * node main.js ./my-model
 */
import { createHandler } from '@densessm/server';
import { listen } from '@densessm/server/node';
import { loadModel } from 'densessm';

const [folder = './my-model'] = process.argv.slice(2);
const model = await loadModel(folder);
const server = await listen(createHandler(model, { name: 'my-model' }), { port: 0 });
console.log(`listening on ${server.url}/v1`);

/** One turn of a conversation: the answer goes on from the state after the last one. */
async function say(input, previous_response_id) {
  const response = await fetch(`${server.url}/v1/responses`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ input, previous_response_id, max_output_tokens: 12, temperature: 0 }),
  });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

async function talk(name, questions) {
  let last;
  for (const question of questions) {
    last = await say(question, last?.id);
    const [{ content }] = last.output;
    const { input_tokens, input_tokens_details } = last.usage;
    console.log(
      `${name}: ${question} -> ${JSON.stringify(content[0].text)} (${input_tokens_details.cached_tokens} of ${input_tokens} tokens known)`,
    );
  }
}

await Promise.all([talk('Anna', ['Once upon a time', 'And then?']), talk('Bruno', ['Who liked the sea?', 'Why?'])]);
await server.close();
await model.dispose();
