import { SsmError } from '@densessm/ssm-core';
import { type FileSet, readText } from './file-set';

const FILE = 'generation_config.json';

/** Names on disk, as Hugging Face's GenerationConfig has them, and ours. */
const NAMES = {
  max_new_tokens: 'maxTokens',
  temperature: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  min_p: 'minP',
  repetition_penalty: 'repetitionPenalty',
} as const;

/** What generation_config.json says about sampling, in the names of the options of `@densessm/generate`. */
export type SamplingDefaults = Partial<Record<(typeof NAMES)[keyof typeof NAMES], number>>;

const DRAWING: readonly string[] = ['topK', 'topP', 'minP'];

/**
 * The sampling defaults of a model; none where it has no generation_config.json. As in Hugging Face, values for drawing count only with `do_sample`.
 * @throws SsmError FILE where the file is no JSON object or a value is no number
 */
export async function readSamplingDefaults(files: FileSet): Promise<SamplingDefaults> {
  const text = await readText(files, FILE);
  if (text === undefined) return {};
  const json = parseObject(`${files.where}/${FILE}`, text);
  const defaults: Record<string, number> = { temperature: 0 };
  if (json.do_sample === true) defaults.temperature = 1;
  for (const [name, ours] of Object.entries(NAMES)) {
    const value = json[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== 'number') throw bad(`${files.where}/${FILE}`, `a number as ${name}`, JSON.stringify(value));
    if (json.do_sample !== true && (ours === 'temperature' || DRAWING.includes(ours))) continue;
    defaults[ours] = value;
  }
  return defaults;
}

function parseObject(where: string, text: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  } catch {
    // told below
  }
  throw bad(where, 'a JSON object', text.slice(0, 60) || 'an empty file');
}

const bad = (where: string, expected: string, got: string): SsmError =>
  new SsmError({ code: 'FILE', what: `${where} cannot be read.`, expected, got, fix: 'correct it, get it again, or remove it' });
