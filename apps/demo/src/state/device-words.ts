/** What computes, in words: the engine names backends as options do. */
const NAMES: Readonly<Record<string, string>> = { webgpu: 'WebGPU', wasm: 'WebAssembly', cpu: 'JavaScript' };

const named = (backend: string): string => NAMES[backend] ?? backend;

/** Of a reason or of a backend: `wasm: WebAssembly with SIMD (…)` → `WebAssembly`. */
export const deviceName = (reason: string): string => named(reason.split(':')[0] ?? '');

/** `wasm: WebAssembly with SIMD (chosen by auto; webgpu failed: no adapter)`: what it is, why, and what was tried before. */
export function aboutDevice(reason: string): string[] {
  const [, about, why] = /^\w+: (.*) \((.*)\)$/s.exec(reason) ?? [undefined, reason, ''];
  const tried = (why ?? '')
    .split('; ')
    .map((line) => line.replace(/^chosen by auto$/, 'chosen as the fastest one that works').replace(/^(\w+) failed: /, failed));
  return [about ?? '', ...tried].filter(Boolean);
}

const failed = (_: string, backend: string): string => `${named(backend)} did not start: `;
