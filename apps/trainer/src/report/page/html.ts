/** Text that is HTML already. Everything else is escaped when it enters a template. */
export class Html {
  constructor(readonly text: string) {}
}

type Part = Html | string | number | undefined | readonly Part[];

/** A template whose values are escaped, save those that are HTML. A list is joined, undefined is nothing. */
export const html = (texts: TemplateStringsArray, ...values: readonly Part[]): Html =>
  new Html(texts.map((text, i) => text + (i < values.length ? render(values[i]) : '')).join(''));

function render(part: Part): string {
  if (part instanceof Html) return part.text;
  if (part === undefined) return '';
  return Array.isArray(part) ? part.map(render).join('') : escapeHtml(String(part));
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Also shows control characters, which HTML forbids, as the pictures that Unicode has for them; half a surrogate pair as U+FFFD. */
export const escapeHtml = (text: string): string =>
  text
    .replace(/\p{Cc}/gu, pictureOf)
    .replace(/\p{Surrogate}/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

function pictureOf(control: string): string {
  const code = control.charCodeAt(0);
  if (control === '\n' || control === '\t') return control;
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '\u2421' : '\ufffd';
}

/** A value as JSON for a script element: nothing in it can end the element or begin a comment. */
export const jsonForScript = (value: unknown): Html =>
  new Html(
    JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
