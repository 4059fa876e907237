import { startBackend } from '../packages/runtime-node/src/start-backend'; // alone: all of the package takes each test file a quarter of a second more

// Both backends with our kernels; wasm is the current one unless a test changes it.
await startBackend({ device: 'cpu' });
await startBackend({ device: 'wasm', threads: 1 });
