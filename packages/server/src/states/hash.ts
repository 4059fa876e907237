export const sha256 = async (bytes: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Of a text, in hex: a name that a client chose becomes one that a file may have. */
export const hashOfText = async (text: string): Promise<string> => hex(await sha256(new TextEncoder().encode(text)));

/** Of tokens, in hex. */
export async function hashOfTokens(ids: readonly number[]): Promise<string> {
  const values = Int32Array.from(ids);
  return hex(await sha256(new Uint8Array(values.buffer)));
}

/** Whether two texts are equal, in a time that depends on neither. */
export async function isEqualText(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((text) => sha256(new TextEncoder().encode(text))));
  let difference = 0;
  for (const [i, byte] of (first as Uint8Array).entries()) difference |= byte ^ ((second as Uint8Array)[i] as number);
  return difference === 0;
}
