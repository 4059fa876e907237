import { fromSent, toSent } from '@densessm/runtime-web/messages';
import { TrainingLog } from '../training-log';
import type { OpenedRun, SentTrainingEvent } from '../worker/commands';
import type { Engine } from './create-worker-client';
import { remoteModel } from './remote-model';
import type { TrainingEvent, TrainingRun } from './worker-training';

/** A run of the worker as the page sees it. */
export function remoteRun(engine: Engine, opened: OpenedRun): TrainingRun {
  const run = opened.facts.id;
  const listeners = new Set<(event: TrainingEvent) => void>();
  const log = new TrainingLog(opened.events);
  let { state, step } = opened;
  const hear = (sent: SentTrainingEvent): void => {
    const event = revived(sent);
    if (event.type === 'state') state = event.state;
    else if (event.type === 'step') step = event.step + 1;
    log.add(event);
    for (const listener of [...listeners]) listener(event);
  };
  engine.call('watchRun', { run }, { onEvent: hear }).catch((error: unknown) => {
    if (state === 'running') hear({ type: 'state', state: 'failed', error: toSent(error) });
  });
  return {
    ...opened.facts,
    get state() {
      return state;
    },
    get step() {
      return step;
    },
    get events() {
      return log.events;
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    pause: () => engine.call('pause', { run }),
    resume: () => engine.call('resume', { run }),
    stepOnce: () => engine.call('step', { run }),
    stop: () => engine.call('stop', { run }),
    sample: (twin, prompt, options = {}) => engine.call('sample', { run, twin, prompt, options }),
    save: () => engine.call('save', { run }),
    download: (twin) => engine.call('downloadRun', { run, twin }),
    downloadZip: async (twin) => new Blob([await engine.call('zipRun', { run, twin })], { type: 'application/zip' }),
    openModel: async (twin) => remoteModel(engine, await engine.call('openTwin', { run, twin })),
    dispose: () => engine.call('disposeRun', { run }),
  };
}

const revived = (event: SentTrainingEvent): TrainingEvent =>
  event.type === 'state' ? { type: 'state', state: event.state, ...(event.error && { error: fromSent(event.error) }) } : event;
