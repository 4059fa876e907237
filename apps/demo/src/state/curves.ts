/** Curves of a run as charts need them. */
import type { TrainingEvent, Twin, TwinStep } from 'densessm/web';

type Loss = number | null;

export interface Curves {
  readonly steps: readonly number[];
  readonly dense: readonly Loss[];
  readonly plain: readonly Loss[];
  /** Moving averages. */
  readonly denseMean: readonly Loss[];
  readonly plainMean: readonly Loss[];
  /** Plain minus dense of the averages: above zero the dense model is ahead. */
  readonly ahead: readonly Loss[];
  readonly heldDense: readonly Loss[];
  readonly heldPlain: readonly Loss[];
}

/** One point for each step that the run still knows by itself: a run keeps some hundred of them, evaluated ones among them. */
export function curvesOf(events: readonly TrainingEvent[]): Curves {
  const records = events.filter((event) => event.type === 'step');
  const steps = records.map(({ step }) => step + 1);
  const evaluated = new Map(events.flatMap((event) => (event.type === 'evaluation' ? [[event.step, event.losses]] : [])));
  const of = (twin: Twin, key: 'loss' | 'smoothed') => records.map(({ twins }) => finite(twins[twin], key));
  const held = (twin: Twin) => steps.map((step) => evaluated.get(step)?.[twin] ?? null);
  const [denseMean, plainMean] = [of('dense', 'smoothed'), of('plain', 'smoothed')];
  return {
    steps,
    dense: of('dense', 'loss'),
    plain: of('plain', 'loss'),
    denseMean,
    plainMean,
    ahead: plainMean.map((plain, i) => difference(plain, denseMean[i])),
    heldDense: held('dense'),
    heldPlain: held('plain'),
  };
}

function finite(step: TwinStep | undefined, key: 'loss' | 'smoothed'): Loss {
  const value = step?.[key];
  return Number.isFinite(value) ? (value as number) : null;
}

const difference = (a: Loss | undefined, b: Loss | undefined): Loss => (typeof a === 'number' && typeof b === 'number' ? a - b : null);
