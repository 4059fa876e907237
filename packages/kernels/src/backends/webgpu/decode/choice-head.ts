/** What the host writes for a run ahead of it: how its tokens are chosen, and what each needs of the host. */
import type { ChoiceHistory, ChoiceRules, RunOptions } from '@densessm/ssm-core';
import { type ChoiceLayout, DEEPEST_LEVEL, SETTING, STEPS_OF_LEVEL } from './choice-layout';
import type { ChoiceVariant } from './choice-steps';

const NONE = 0xffffffff;
/** From here on a token that leaves the history is one of this run. */
const OF_RUN = 0x80000000;
/** Forbids a token as -Infinity does, which shaders do not know. */
const FORBIDDEN = -3e38;

/** Whether penalties look back on the text. */
const looksBack = ({ repetitionPenalty, presencePenalty, frequencyPenalty }: ChoiceRules): boolean =>
  repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;

export const variantOf = (rules: ChoiceRules, vocab: number): ChoiceVariant => {
  const isGreedy = rules.temperature === 0;
  return {
    isPreferring: looksBack(rules) || rules.logitBias.size > 0,
    isGreedy,
    hasTopK: !isGreedy && rules.topK > 0 && rules.topK < vocab,
    hasTopP: !isGreedy && rules.topP < 1,
  };
};

/** A share from 0 to 1 in units of 2^-32. */
const wordOf = (share: number): number => Math.min(NONE, Math.floor(share * 2 ** 32));

/** The words from the layout's first on. `uniforms` writes what a token needs of the host; it is called once a token. */
export function headOf(layout: ChoiceLayout, options: RunOptions, uniforms: (values: Float32Array) => void): Uint32Array<ArrayBuffer> {
  const { batch } = layout;
  const { tokens, rules, histories, randoms } = options;
  const words = new Uint32Array(layout.headWords);
  const floats = new Float32Array(words.buffer);
  setSettings(words.subarray(layout.settings), floats.subarray(layout.settings), rules);
  for (let t = 0; t < tokens; t++) {
    for (let text = 0; text < batch; text++) {
      const place = t * batch + text;
      words[layout.randoms + place] = wordOf(randoms[text]?.[t] ?? 0);
      const [seen, drawn] = looksBack(rules) ? leaving(histories[text] as ChoiceHistory, t) : [NONE, NONE];
      words[layout.leaving + place] = seen;
      words[layout.leavingDrawn + place] = drawn;
    }
    const at = layout.queue + t * layout.uniforms;
    uniforms(floats.subarray(at, at + layout.uniforms));
  }
  return words;
}

function setSettings(words: Uint32Array, floats: Float32Array, rules: ChoiceRules): void {
  floats[SETTING.temperature] = rules.temperature;
  floats[SETTING.repetition] = rules.repetitionPenalty;
  floats[SETTING.presence] = rules.presencePenalty;
  floats[SETTING.frequency] = rules.frequencyPenalty;
  words[SETTING.topK] = rules.topK;
  words[SETTING.topP] = wordOf(rules.topP);
  words[SETTING.deepest] = Math.min(DEEPEST_LEVEL, Math.floor(-Math.log(rules.minP) * STEPS_OF_LEVEL + 0.5)); // the logarithm of 0 is -Infinity
}

/** What the token that is chosen as the t-th of a run pushes out of the history, and out of what counts as drawn. */
function leaving({ recent, drawn, window }: ChoiceHistory, t: number): [seen: number, drawn: number] {
  const first = recent.length + t - window;
  if (first < 0) return [NONE, NONE];
  const id = first < recent.length ? (recent[first] as number) : OF_RUN + first - recent.length;
  return [id, drawn + t >= window ? id : NONE];
}

/** How often the history of each text has each token, how often as one that was drawn, and the bias: as they lie behind one another in the layout. */
export function preferencesOf({ batch, vocab }: ChoiceLayout, { rules, histories }: RunOptions): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(2 * batch * vocab + vocab);
  for (let text = 0; text < batch && looksBack(rules); text++) {
    const { recent, drawn } = histories[text] as ChoiceHistory;
    const [seen, ofDrawn] = [text * vocab, (batch + text) * vocab];
    for (const [i, id] of recent.entries()) {
      words[seen + id] = (words[seen + id] as number) + 1;
      if (i >= recent.length - drawn) words[ofDrawn + id] = (words[ofDrawn + id] as number) + 1;
    }
  }
  const bias = new Float32Array(words.buffer, 4 * 2 * batch * vocab, vocab);
  for (const [id, amount] of rules.logitBias) bias[id] = Math.max(FORBIDDEN, amount);
  return words;
}
