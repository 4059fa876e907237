export { completeDenseConfig, type DenseConfig, denseConfigToJson, parseDenseConfig } from './config';
export { type DenseInputs, denseConnect } from './dense-connect';
export { gateValues } from './selective-transition';
export { denseSources } from './sources';
export { type ConnectionSizes, type DenseParams, type DenseSpec, denseSpec, startsNeutral } from './spec';
