/** What the folder of a run holds. */
export const CHECKPOINT = 'checkpoint';
export const BEST = 'best';
export const REPORT = 'report.html';
export const LOG_FILE = 'log.jsonl';
/** In the folder above the runs of a sweep. */
export const SWEEP_FILE = 'sweep.json';
export const INFO_FILE = 'run.json';
