import type { Random } from '@densessm/generate';

/** A request that may make no sense. */
export interface OddRequest {
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const STRANGE: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e308, -0, 2 ** 53, '', 'x', '\u0000', '\ud800', '🙂'.repeat(20), '9'.repeat(400)],
  ...[
    [],
    {},
    [null],
    [[]],
    [[[1]]],
    { x: 1 },
    [-1],
    [1.5],
    [2 ** 31],
    [257, 256],
    ['', ''],
    { __proto__: null, constructor: 1 },
    { 65: 1e9 },
    { 999999: 1 },
  ],
  ...[[{ role: 'user', content: 'a' }], [{ role: 'user' }], [{ role: 1 }], [{ role: 'tool', content: [{ type: 'text', text: 5 }] }]],
];
const FIELDS = [
  ...[
    'prompt',
    'messages',
    'input',
    'model',
    'max_tokens',
    'max_completion_tokens',
    'max_output_tokens',
    'temperature',
    'top_p',
    'top_k',
    'min_p',
    'n',
  ],
  ...[
    'stop',
    'seed',
    'logprobs',
    'top_logprobs',
    'echo',
    'presence_penalty',
    'frequency_penalty',
    'repetition_penalty',
    'logit_bias',
    'stream',
  ],
  ...[
    'stream_options',
    'response_format',
    'tools',
    'tool_choice',
    'previous_response_id',
    'instructions',
    'store',
    'id_slot',
    'ignore_eos',
    'content',
  ],
  ...['tokens', 'filename', 'add_special_tokens', 'text', '__proto__', 'constructor', 'toString'],
];
const PATHS = [
  '/v1/completions',
  '/v1/chat/completions',
  '/v1/responses',
  '/tokenize',
  '/detokenize',
  '/slots/0?action=save',
  '/slots/x',
  '/v1/../x',
  '/%00',
];
const SANE: Readonly<Record<string, unknown>> = {
  ...{ prompt: 'ab', messages: [{ role: 'user', content: 'Hi' }], input: 'Hi', content: 'Hi', tokens: [65, 66], max_tokens: 2 },
  ...{ max_output_tokens: 2, max_completion_tokens: 2 },
};

/** A request that is nearly right in some places and wrong in others. */
export function oddRequest(random: Random): OddRequest {
  const below = (limit: number): number => Math.floor(random.next() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const fields = Object.entries(SANE).filter(() => below(8) > 0);
  const odd = Array.from({ length: below(4) }, () => [pick(FIELDS), pick(STRANGE)] as const);
  const json = `{${[...fields, ...odd].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value) ?? 'null'}`).join()}}`;
  const damaged = json.slice(0, below(json.length)) + pick(['', '\u0000', '{', '"', ',,', '[[[[']) + json.slice(below(json.length));
  return {
    path: pick(PATHS),
    method: below(20) === 0 ? pick(['GET', 'PUT', 'DELETE', 'OPTIONS']) : 'POST',
    headers: { 'content-type': below(20) === 0 ? pick(['text/plain', '', 'application/json; charset=x']) : 'application/json' },
    body: below(6) === 0 ? damaged : json,
  };
}
