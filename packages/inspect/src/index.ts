export type { GateTrace, LayerTrace, Trace } from './trace';
