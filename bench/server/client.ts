/** The letter A, whatever random weights think: each token has a text, so that each is an event of the stream. */
const LETTER = { logit_bias: { 65: 100 }, temperature: 0, ignore_eos: true, stream: true };

/** One answer as its client saw it, in milliseconds from the request. */
export interface Seen {
  readonly firstMs: number;
  readonly endMs: number;
  readonly tokens: number;
}

/** Asks once and reads the stream to its end; undefined where the server says to come again later. @throws Error where the stream is not whole */
export async function ask(url: string, path: string, body: object, tokens: number): Promise<Seen | undefined> {
  const start = performance.now();
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...LETTER, ...body }),
  });
  if (response.status === 429) {
    await response.text();
    await new Promise((resolve) => setTimeout(resolve, 1000 * Number(response.headers.get('retry-after'))));
    return undefined;
  }
  if (!response.ok || !response.body) throw new Error(`${response.status}: ${await response.text()}`);
  let [firstMs, text] = [0, ''];
  const decoder = new TextDecoder();
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    const piece = decoder.decode(bytes, { stream: true });
    if (firstMs === 0 && piece.includes('A"')) firstMs = performance.now() - start;
    text += piece;
  }
  const count = text.match(/"(?:text|content|delta)":"[^"]*A"/g)?.length ?? 0;
  const isWhole = /data: \[DONE\]|event: response\.(?:completed|incomplete)/.test(text);
  if (!isWhole || count < tokens) throw new Error(`a stream of ${count} tokens instead of ${tokens} ended with ${text.slice(-200)}`);
  return { firstMs, endMs: performance.now() - start, tokens };
}

/** The value below which the given share of a list lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
