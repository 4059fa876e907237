/** What the command shares with this package; no part of what it promises. */
export { hash32 } from './data/random';
export { belongsBefore, NEAR_ZERO } from './records/record';
export { eventFileHeader } from './records/tensorboard/events';
