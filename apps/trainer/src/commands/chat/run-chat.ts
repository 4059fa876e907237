import type { Io } from '../../io';
import { Interrupted } from '../../io';
import type { OpenModel } from '../../model/open-model';
import { formatBytes, formatCount } from '../../output/numbers';
import { pathFrom, refuseOverwrite } from '../../output/write-file';
import { type ChatCommand, HELP, meaningOf } from './commands';
import type { Conversation, ConversationOptions } from './conversation';
import { type Lines, openLines } from './lines';
import { loadChat, saveChat } from './saved-chat';

/** A conversation in a terminal, or over a pipe with a line for each turn, until the input ends. */
export class Chat {
  readonly #io: Io;
  readonly #model: OpenModel;
  readonly #options: ConversationOptions;
  readonly #lines: Lines;
  #conversation: Conversation;
  /** Ends the answer that is being written. */
  #answering: AbortController | undefined;
  /** Ctrl-C was pressed where there is nothing to stop. */
  #wasWarned = false;
  #retries = 0;

  constructor(io: Io, model: OpenModel, options: ConversationOptions, conversation: Conversation) {
    this.#io = io;
    this.#model = model;
    this.#options = options;
    this.#conversation = conversation;
    this.#lines = openLines(io);
  }

  /** @throws Interrupted where a pipe's conversation is broken off */
  async run(): Promise<void> {
    this.#lines.onInterrupt(() => this.#interrupt());
    try {
      for (;;) {
        const line = await this.#lines.next();
        if (line === undefined) return;
        this.#wasWarned = false;
        if (line.trim() === '') continue;
        if ((await this.#handle(line)) === 'leave') return;
        if (this.#io.stdin.isTTY !== true && this.#io.signal.aborted) throw new Interrupted('stopped.');
      }
    } finally {
      this.#lines.close();
      this.#conversation.dispose();
    }
  }

  /** Mistakes in a conversation are told, and it goes on. */
  async #handle(line: string): Promise<'leave' | undefined> {
    const meaning = meaningOf(line);
    try {
      if ('text' in meaning) await this.#say(meaning.text);
      else if ('unknown' in meaning) this.#remark(`there is no /${meaning.unknown}; /help lists the commands`);
      else return await this.#obey(meaning.command);
    } catch (error) {
      this.#remark(error instanceof Error ? error.message : String(error));
    }
    return undefined;
  }

  async #say(text: string, seed?: number): Promise<void> {
    this.#answering = new AbortController();
    const { stdout } = this.#io;
    let last = '\n';
    try {
      for await (const part of this.#conversation.say(text, this.#answering.signal, seed)) {
        stdout.write(part);
        last = part.at(-1) ?? last;
      }
    } finally {
      this.#answering = undefined;
      if (last !== '\n') stdout.write('\n');
    }
  }

  async #obey({ name, argument }: ChatCommand): Promise<'leave' | undefined> {
    switch (name) {
      case 'exit':
        return 'leave';
      case 'help':
        for (const line of HELP) this.#remark(line);
        return;
      case 'reset':
        this.#conversation.reset();
        this.#remark('a new conversation');
        return;
      case 'undo':
        this.#remark(this.#conversation.undo() === undefined ? 'nothing to take back' : 'the last turn is taken back');
        return;
      case 'retry':
        return this.#retry();
      case 'save':
      case 'save!':
        return this.#save(argument, name === 'save!');
      case 'load':
        return this.#load(argument);
      case 'stats': {
        const { tokenCount, stateBytes, undoCount } = this.#conversation;
        this.#remark(`${formatCount(tokenCount)} tokens so far, in a state of ${formatBytes(stateBytes)}; ${undoCount} turns to take back`);
      }
    }
  }

  async #retry(): Promise<undefined> {
    const said = this.#conversation.undo();
    if (said === undefined) return this.#remark('nothing to answer again');
    const { seed = Math.floor(2 ** 48 * Math.random()) } = this.#options.sampling;
    await this.#say(said, seed + ++this.#retries); // the draws of before would give the answer of before
  }

  async #save(name: string, overwrite: boolean): Promise<undefined> {
    if (name === '') return this.#remark('name a file: /save talk.json');
    const path = pathFrom(this.#io.cwd, name);
    await refuseOverwrite(path, overwrite).catch(() => {
      throw new Error(`${name} exists; /save! ${name} replaces it`);
    });
    await saveChat(path, this.#conversation);
    this.#remark(`saved in ${name}`);
  }

  async #load(name: string): Promise<undefined> {
    if (name === '') return this.#remark('name a file: /load talk.json');
    const loaded = await loadChat(pathFrom(this.#io.cwd, name), this.#model, this.#options);
    this.#conversation.dispose();
    this.#conversation = loaded;
    this.#remark(`${formatCount(loaded.tokenCount)} tokens from ${name}`);
  }

  /** Ctrl-C stops an answer first; where there is none, the second in a row ends the conversation. */
  #interrupt(): void {
    if (this.#answering) {
      this.#answering.abort();
      return;
    }
    if (this.#wasWarned || this.#io.stdin.isTTY !== true) {
      this.#lines.close();
      return;
    }
    this.#wasWarned = true;
    this.#remark('\nCtrl-C again leaves, as /exit does');
    this.#lines.remind();
  }

  #remark(text: string): undefined {
    this.#io.stderr.write(`${text}\n`);
  }
}
