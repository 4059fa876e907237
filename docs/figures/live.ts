import { figureNamed } from '.';
import { type Control, startValues } from './figure';
import { svgOf } from './markup';

/** Puts sliders under the picture in `host` and draws it again when one moves. */
export function makeLive(host: HTMLElement, name: string): void {
  const figure = figureNamed(name);
  const values = startValues(figure);
  const [svg, caption] = [host.querySelector('svg'), host.querySelector('figcaption')];
  if (svg === null || caption === null) return;
  const drawing = document.createElement('div');
  svg.replaceWith(drawing);
  const draw = (): void => {
    drawing.innerHTML = svgOf(figure, values);
    caption.textContent = figure.caption(values);
  };
  caption.setAttribute('aria-live', 'polite');
  const controls = document.createElement('div');
  controls.className = 'figure-controls';
  const change = (name: string) => (value: number) => {
    values[name] = value;
    draw();
  };
  controls.append(...figure.controls.map((control) => slider(control, change(control.name))));
  caption.before(controls);
  draw();
}

function slider({ name, label, min, max, step, value }: Control, onChange: (value: number) => void): HTMLElement {
  const input = Object.assign(document.createElement('input'), { type: 'range', min, max, step, value, name });
  const shown = document.createElement('output');
  const show = (): void => {
    shown.textContent = String(Number(input.value));
  };
  input.addEventListener('input', () => {
    show();
    onChange(Number(input.value));
  });
  show();
  const row = document.createElement('label');
  const text = document.createElement('span');
  text.textContent = label;
  row.append(text, input, shown);
  return row;
}
