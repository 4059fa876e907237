import { badField } from '../errors';
import { flagIn, given, isIds } from '../fields';
import type { Service } from '../service';
import { type Call, checkModel } from './call';

/** POST /tokenize: `{ prompt }` as lm-evaluation-harness and vLLM have it, or `{ content }` as llama.cpp's server. */
export function tokenize(call: Call): Response {
  checkModel(call);
  const { service, body } = call;
  const text = given(body, 'prompt') ?? given(body, 'content');
  if (typeof text !== 'string') throw badField('prompt', 'a string');
  // llama.cpp's names and defaults beside `content`
  const addSpecialTokens = given(body, 'prompt') === undefined ? flagIn(body, 'add_special') : given(body, 'add_special_tokens') !== false;
  const tokens = service.model.tokenizer.encode(text, { addSpecialTokens });
  return Response.json({ tokens, count: tokens.length, max_model_len: service.options.maxPromptTokens });
}

/** POST /detokenize: `{ tokens }`; the text comes under both names. */
export function detokenize(call: Call): Response {
  checkModel(call);
  const tokens = given(call.body, 'tokens');
  if (!isIds(tokens)) throw badField('tokens', 'a list of token ids');
  const text = call.service.model.tokenizer.decode(tokens);
  return Response.json({ prompt: text, content: text });
}

/** GET /tokenizer_info. */
export function tokenizerInfo({ model }: Service): Response {
  const { bos, eos, pad } = model.tokenizer.specialIds;
  const name = (id: number | null): string | null => (id === null ? null : model.tokenizer.idToToken(id));
  const chat_template = model.chatTemplate ?? null;
  return Response.json({
    eos_token: name(eos),
    bos_token: name(bos),
    pad_token: name(pad),
    vocab_size: model.tokenizer.vocabSize,
    chat_template,
  });
}
