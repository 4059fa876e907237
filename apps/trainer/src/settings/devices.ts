/** What `--device` may be: `DEVICES` of the runtime, said once more so that --help need not load it. */
export const DEVICES = ['auto', 'webgpu', 'wasm', 'cpu'] as const;

export type DeviceName = (typeof DEVICES)[number];
