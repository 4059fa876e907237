export { closedGates } from './closed-gates';
export { completeDenseConfig, type DenseConfig, denseConfigToJson, parseDenseConfig } from './config';
export { type DenseInputs, denseConnect } from './dense-connect';
export { type GatedLayer, layerGates } from './layer-gates';
export { type GateSlots, isRecordable, type RecordedGate, recordedGate } from './recorded-gate';
export { gateValues } from './selective-transition';
export { denseSources } from './sources';
export { type ConnectionSizes, type DenseParams, type DenseSpec, denseSpec } from './spec';
