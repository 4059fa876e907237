import { distance } from 'fastest-levenshtein';
import { badOption } from './option-error';

/** What other libraries call our options, in lower case and without separators. */
const SYNONYMS: Readonly<Record<string, string>> = {
  ...{ maxnewtokens: 'maxTokens', maxlength: 'maxTokens', maxoutputtokens: 'maxTokens', maxcompletiontokens: 'maxTokens' },
  ...{ numpredict: 'maxTokens', npredict: 'maxTokens', maxgenlen: 'maxTokens', maxtokenstosample: 'maxTokens' },
  ...{ temp: 'temperature', nucleus: 'topP', repeatpenalty: 'repetitionPenalty', norepeatngramsize: 'noRepeatNgram' },
  ...{ stopsequences: 'stop', stopsequence: 'stop', stopstrings: 'stop', stopwords: 'stop', stoptokenids: 'eosIds', eostokenid: 'eosIds' },
  ...{ randomseed: 'seed', manualseed: 'seed', nprobs: 'topLogprobs', beamsize: 'numBeams', nbeams: 'numBeams' },
  ...{ abortsignal: 'signal', dtype: 'weights', quantization: 'weights', prefillchunksize: 'promptChunk' },
};
const STREAMED = 'read the parts of stream(model, prompt, options) as they are drawn';
/** Names that stand for something else than an option of ours. */
const EXPLAINED: Readonly<Record<string, string>> = {
  dosample: 'leave it out: temperature 0 takes the most likely token, a temperature above 0 draws',
  ...{ onprogress: STREAMED, ontoken: STREAMED, callback: STREAMED, callbackfunction: STREAMED, streamer: STREAMED, stream: STREAMED },
  numreturnsequences: 'pass the prompt several times to generateBatch',
  usegenerationconfig: 'it belongs to models of loadModel; pass the values themselves',
};

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** @throws SsmError OPTION for options that are no object, and for a key that is none of `known`, with the name that was meant */
export function refuseUnknown(where: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw badOption(where, 'options', 'an object', JSON.stringify(options) ?? String(options), 'write { maxTokens: 20 }, after the prompt');
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const meant = meantBy(unknown, known);
  const fix = EXPLAINED[plain(unknown)] ?? (meant === undefined ? 'correct its spelling' : `did you mean \`${meant}\`?`);
  throw badOption(where, unknown, `one of ${known.join(', ')}`, JSON.stringify(unknown), fix);
}

function meantBy(name: string, known: readonly string[]): string | undefined {
  const synonym = SYNONYMS[plain(name)];
  if (synonym !== undefined && known.includes(synonym)) return synonym;
  const byDistance = known.map((one) => ({ one, edits: distance(plain(name), plain(one)) })).sort((a, b) => a.edits - b.edits);
  const [best] = byDistance;
  return best && best.edits <= Math.floor(best.one.length / 4) + 1 ? best.one : undefined;
}
