import type { AnyModel } from '@densessm/ssm-core';
import { byteTokenizer, type Tokenizer, tokenizerFromJson } from '@densessm/tokenizer';
import type { Handler } from '../handler';
import type { ServedModel } from '../served-model';

const TEMPLATE =
  '{% for message in messages %}<|start|>{{ message.role }}\n{{ message.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|start|>assistant\n{% endif %}';

/** Bytes, and tokens that begin and end a message; with a chat template unless told not to. */
export function tinyTokenizer(hasTemplate = true): Tokenizer {
  const json = byteTokenizer({ specialTokens: ['<|end|>', '<|start|>'] }).toJSON();
  return tokenizerFromJson(json, { config: { eos_token: '<|end|>', ...(hasTemplate && { chat_template: TEMPLATE }) } });
}

/** A small random model of a family that reads the keys of Mamba. */
export function tinyModel(model: AnyModel, given: Partial<ServedModel> = {}): ServedModel {
  const config = model.parseConfig({ model_type: model.modelType, vocab_size: 258, hidden_size: 16, num_hidden_layers: 2, state_size: 4 });
  return { model, config, params: model.init(config, 3), tokenizer: tinyTokenizer(), ...given };
}

/** Sends JSON to a handler. */
export const post = (handler: Handler, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  handler.fetch(
    new Request(`http://localhost${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  );

export const get = (handler: Handler, path: string, headers: Record<string, string> = {}): Promise<Response> =>
  handler.fetch(new Request(`http://localhost${path}`, { headers }));

/** The data of a stream of events. */
export async function eventsOf(response: Response): Promise<string[]> {
  const text = await response.text();
  return text.split('\n\n').flatMap((block) => /^data: (.*)$/m.exec(block)?.[1] ?? []);
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into by their fields
export type Json = any;
export const jsonOf = (response: Response): Promise<Json> => response.json();
