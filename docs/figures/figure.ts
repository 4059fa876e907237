/** A number that a reader may change. */
export interface Control {
  readonly name: string;
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly value: number;
}

export type Values = Readonly<Record<string, number>>;

/** A picture as a function of some numbers. It is drawn when the site is built, and again whenever a reader moves a slider. */
export interface Figure {
  readonly name: string;
  /** What is shown, for those who do not see it. */
  readonly title: string;
  readonly controls: readonly Control[];
  /** The inside of an SVG of {@link WIDTH} × {@link height}. */
  draw(values: Values): string;
  /** What it says at these values, in a sentence. */
  caption(values: Values): string;
  readonly height: number;
}

export const WIDTH = 640;

export const startValues = ({ controls }: Figure): Record<string, number> =>
  Object.fromEntries(controls.map(({ name, value }) => [name, value]));

/** A number of a control that is known to exist. */
export const at = (values: Values, name: string): number => values[name] ?? Number.NaN;
