/**
 * @typedef {object} Outcome
 * @property {number} passed Tests or checks that passed. None, and none failed: nothing could be checked here, as the note says.
 * @property {number} failed
 * @property {string} note What was looked at, for the phase's line.
 * @property {string} [output] Shown where something failed.
 *
 * @typedef {object} Phase
 * @property {string} name
 * @property {readonly string[]} after Phases that must have passed before.
 * @property {() => Promise<Outcome>} run
 *
 * @typedef {{ phase: Phase, outcome: Outcome }} Finished
 */

const NAME_WIDTH = 10;
const NOTE_WIDTH = 62;
const CLEAR_LINE = '\r\u001b[K';

/**
 * Runs every phase whose needs have passed, `lanes` at a time, and prints one line for each as it ends, followed by the
 * failing program's output. A phase that cannot run because of another counts as one failure.
 * @param {readonly Phase[]} phases
 * @param {number} lanes
 * @param {NodeJS.WriteStream} stream where a terminal also shows what is running
 * @returns {Promise<Finished[]>} in the order in which they ended
 */
export async function runPhases(phases, lanes, stream) {
  const running = new Map();
  const stop = stream.isTTY ? showRunning(running, stream) : () => {};
  try {
    return await inOrder(phases, lanes, running, (text) => stream.write(stream.isTTY ? `${CLEAR_LINE}${text}` : text));
  } finally {
    stop();
  }
}

/**
 * @param {readonly Phase[]} phases
 * @param {number} lanes
 * @param {Map<string, Promise<void>>} running by the name of the phase
 * @param {(text: string) => void} write
 */
async function inOrder(phases, lanes, running, write) {
  const waiting = [...phases];
  /** @type {Finished[]} */
  const finished = [];
  const failed = (/** @type {string} */ name) => finished.some(({ phase, outcome }) => phase.name === name && outcome.failed > 0);
  const ended = (/** @type {string} */ name) => finished.some(({ phase }) => phase.name === name);
  while (waiting.length > 0 || running.size > 0) {
    for (const phase of waiting.filter(({ after }) => after.every(ended))) {
      const cause = phase.after.find(failed);
      if (cause === undefined && running.size >= lanes) continue;
      waiting.splice(waiting.indexOf(phase), 1);
      const end = (/** @type {Outcome} */ outcome, /** @type {number} */ ms) => {
        finished.push({ phase, outcome });
        write(report(phase, outcome, ms));
      };
      if (cause !== undefined) {
        end({ passed: 0, failed: 1, note: `not run, because ${cause} failed` }, 0);
        continue;
      }
      const work = timed(phase).then(([outcome, ms]) => {
        running.delete(phase.name);
        end(outcome, ms);
      });
      running.set(phase.name, work);
    }
    if (running.size > 0) await Promise.race(running.values());
  }
  return finished;
}

/** @param {Map<string, unknown>} running @param {NodeJS.WriteStream} stream */
function showRunning(running, stream) {
  const started = performance.now();
  const show = () =>
    stream.write(`${CLEAR_LINE}      ${[...running.keys()].join(', ')} … ${((performance.now() - started) / 1000).toFixed(0)} s`);
  const timer = setInterval(show, 1000);
  return () => {
    clearInterval(timer);
    stream.write(CLEAR_LINE);
  };
}

/** @returns {Promise<[Outcome, number]>} */
async function timed(/** @type {Phase} */ phase) {
  const started = performance.now();
  try {
    return [await phase.run(), performance.now() - started];
  } catch (error) {
    const output = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return [{ passed: 0, failed: 1, note: 'stopped', output }, performance.now() - started];
  }
}

/** @param {Phase} phase @param {Outcome} outcome @param {number} ms */
function report(phase, { passed, failed, note, output }, ms) {
  const verdict = failed > 0 ? 'FAIL' : passed > 0 ? 'ok  ' : '-   ';
  const time = `${(ms / 1000).toFixed(1)} s`;
  const line = `${verdict}  ${phase.name.padEnd(NAME_WIDTH)}  ${note.padEnd(NOTE_WIDTH)}${time.padStart(9)}\n`;
  if (failed === 0 || !output) return line;
  const indented = output
    .trimEnd()
    .split('\n')
    .map((text) => `      ${text}`)
    .join('\n');
  return `${line}\n${indented}\n\n`;
}
