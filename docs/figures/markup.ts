import { type Figure, startValues, type Values, WIDTH } from './figure';

/** The picture alone. */
export const svgOf = (figure: Figure, values: Values): string =>
  `<svg viewBox="0 0 ${WIDTH} ${figure.height}" role="img" aria-label="${escaped(figure.title)}">${figure.draw(values)}</svg>`;

/** The picture and its caption as a page shows them before any script has run. */
export function figureMarkup(figure: Figure): string {
  const values = startValues(figure);
  return `<figure>${svgOf(figure, values)}<figcaption>${escaped(figure.caption(values))}</figcaption></figure>`;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
