/** What the reader of a report can choose, and what the page does by itself. */
import { chosen, drawAll, refreshSeconds, remember } from './report.js';

const redraw = () => {
  remember();
  drawAll();
};
for (const useful of document.querySelectorAll('.choice, .hint')) useful.hidden = false;
for (const input of document.querySelectorAll('.choice input')) {
  if (input.type === 'radio') input.checked = input.value === chosen.unit;
  else input.checked = chosen[input.name];
  input.addEventListener('change', () => {
    if (input.type === 'radio') chosen.unit = input.value;
    else chosen[input.name] = input.checked;
    redraw();
  });
}
// On a narrow screen every row of a table is a block of its own, whose cells need their column's name.
for (const table of document.querySelectorAll('.stack')) {
  const heads = [...table.querySelectorAll('thead th')].map((cell) => cell.firstChild?.textContent ?? '');
  for (const row of table.querySelectorAll('tbody tr'))
    [...row.children].forEach((cell, i) => void cell.setAttribute('data-label', heads[i] ?? ''));
}
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
// Paper is white, also for whoever reads on a dark screen.
for (const [event, isPrint] of [
  ['beforeprint', true],
  ['afterprint', false],
])
  addEventListener(event, () => {
    document.documentElement.classList.toggle('paper', isPrint);
    drawAll();
  });

/** A run that goes on writes its report again and again. Nobody is disturbed who is looking closer at something. */
function refresh() {
  const isBusy = document.hidden || document.querySelector('.plot:hover, .plot:focus, details[open] summary:focus') !== null;
  if (isBusy || getSelection()?.type === 'Range') setTimeout(refresh, 2000);
  else location.reload();
}
if (refreshSeconds !== null) setTimeout(refresh, 1000 * refreshSeconds);
