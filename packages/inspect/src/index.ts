export { type InspectedModel, type InspectOptions, inspect, type Part } from './inspect';
export type { GateTrace, LayerTrace, Trace } from './trace';
export { parseTrace, serializeTrace } from './trace-file';
