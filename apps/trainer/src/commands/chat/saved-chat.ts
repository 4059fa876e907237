import { readFile } from 'node:fs/promises';
import { Session } from '@densessm/generate';
import { SsmError } from '@densessm/ssm-core/plain';
import type { OpenModel } from '../../model/open-model';
import { writeFileWhole } from '../../output/write-file';
import { Conversation, type ConversationOptions, type Style, type Transcript } from './conversation';

const FORMAT = 'densessm-chat';
const VERSION = 1;
const STYLES: readonly Style[] = ['template', 'turns', 'plain'];

/** Writes a conversation: JSON with what was said, and the model's state as a snapshot in base64. */
export async function saveChat(path: string, conversation: Conversation): Promise<void> {
  const { style, messages, text } = conversation.transcript;
  const snapshot = Buffer.from(await conversation.snapshot()).toString('base64');
  await writeFileWhole(path, `${JSON.stringify({ format: FORMAT, version: VERSION, style, messages, text, snapshot })}\n`);
}

/**
 * Opens a conversation that was saved, or a snapshot of `densessm generate`, of which nobody knows what was said.
 * @throws SsmError FILE for a file that is neither, STATE for one of another model
 */
export async function loadChat(path: string, model: OpenModel, options: ConversationOptions): Promise<Conversation> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw badFile(path, 'the name of a file that /save wrote', String(cause));
  });
  const { promptChunk } = options.sampling;
  const isSnapshot = bytes.subarray(0, 8).toString('latin1') === 'DSSMSNAP';
  const { snapshot, ...transcript } = isSnapshot ? { snapshot: bytes, style: options.style, messages: [], text: '' } : parse(path, bytes);
  return new Conversation(model, options, { session: await Session.restore(model, snapshot, { promptChunk }), transcript });
}

function parse(path: string, bytes: Buffer): Transcript & { snapshot: Uint8Array } {
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
  } catch {
    throw badFile(path, 'a conversation that /save wrote', 'something else');
  }
  const { format, version, style, messages, text, snapshot } = json ?? {};
  const isOurs = format === FORMAT && STYLES.includes(style as Style) && Array.isArray(messages);
  if (!isOurs || typeof text !== 'string' || typeof snapshot !== 'string')
    throw badFile(path, 'a conversation that /save wrote', 'other JSON');
  if (version !== VERSION) throw badFile(path, `version ${VERSION} of the format`, `version ${version}`);
  return { style: style as Style, messages, text, snapshot: Buffer.from(snapshot, 'base64') };
}

const badFile = (path: string, expected: string, got: string): SsmError =>
  new SsmError({ code: 'FILE', what: `${path} cannot be opened.`, expected, got, fix: 'check the name' });
