import { startBackend } from '@densessm/runtime-node';

// Both backends with our kernels, for every test file; wasm is the current one unless a test changes it.
await startBackend({ device: 'cpu' });
await startBackend({ device: 'wasm', threads: 1 });
