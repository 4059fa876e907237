import { checkTokenLength, MAX_TRIE_UNITS, tooMuch } from '../limits';

/** Tokens by their UTF-16 units. */
export class Trie {
  /** The node after a node and a unit; the root is 0. */
  readonly #next = new Map<number, number>();
  /** The token that ends at a node, or -1. */
  readonly #ids: number[] = [-1];

  /** @throws TokenizerError CONFIG where tokens are too long, or too long together */
  constructor(where: string, tokens: Iterable<readonly [string, number]>) {
    let units = 0;
    for (const [token, id] of tokens) {
      checkTokenLength(where, token);
      units += token.length;
      if (units > MAX_TRIE_UNITS) throw tooMuch(where, `tokens of at most ${MAX_TRIE_UNITS} characters together`, 'more');
      this.#add(token, id);
    }
  }

  #add(token: string, id: number): void {
    let node = 0;
    for (let i = 0; i < token.length; i++) {
      const edge = node * 2 ** 16 + token.charCodeAt(i);
      const known = this.#next.get(edge);
      node = known ?? this.#ids.push(-1) - 1;
      if (known === undefined) this.#next.set(edge, node);
    }
    this.#ids[node] = id;
  }

  /** Tells the end and the id of every token with which the text goes on at a place, shorter ones first. */
  prefixes(text: string, start: number, tell: (end: number, id: number) => void): void {
    let node: number | undefined = 0;
    for (let at = start; at < text.length; at++) {
      node = this.#next.get(node * 2 ** 16 + text.charCodeAt(at));
      if (node === undefined) return;
      const id = this.#ids[node] as number;
      if (id >= 0) tell(at + 1, id);
    }
  }
}
