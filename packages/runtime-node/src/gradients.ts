import { createRequire } from 'node:module';
import { SsmError } from '@densessm/ssm-core';

type Registry = Map<string, unknown>;

/** Where every copy of tfjs-core keeps what there is once. */
const globals = globalThis as { _tfGlobals?: ReadonlyMap<string, Registry> };

/**
 * tfjs-core alone has no gradients. They come with `@tensorflow/tfjs`, and with it layers, converters and WebGL: some 30 MiB that a process which only
 * reads text does without. So it is loaded when a gradient is first looked up, which tfjs does as it records an operation. What was registered
 * before stays.
 */
export function loadGradientsWhenNeeded(): void {
  const registry = globals._tfGlobals?.get('gradRegistry');
  if (registry === undefined || registry.get !== Map.prototype.get) return;
  registry.get = (name) => {
    if (registry.has(name)) return Map.prototype.get.call(registry, name);
    const own = [...registry];
    load();
    for (const [known, gradient] of own) registry.set(known, gradient);
    registry.get = Map.prototype.get;
    return registry.get(name);
  };
}

/** @throws SsmError BACKEND */
function load(): void {
  const require = createRequire(import.meta.url);
  try {
    require('@tensorflow/tfjs');
  } catch (cause) {
    throw new SsmError(
      {
        code: 'BACKEND',
        what: 'startBackend: the gradients of TensorFlow.js cannot be loaded.',
        expected: '`@tensorflow/tfjs` beside this package',
        got: String(cause).split('\n')[0] ?? '',
        fix: "install it; or, in a program that was bundled into one file, import '@tensorflow/tfjs' there",
      },
      { cause },
    );
  }
}
