import { createRequire } from 'node:module';
import { SsmError } from '@densessm/ssm-core';

type Registry = Map<string, unknown>;

/** Where every copy of tfjs-core keeps what there is once. */
const globals = globalThis as { _tfGlobals?: ReadonlyMap<string, Registry> };

/**
 * tfjs-core alone registers no gradients. scripts/build-gradients.mjs bundles them; a process that only reads text does without, so they are
 * loaded when a gradient is first looked up, which tfjs does as it records an operation. What was registered before stays.
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
    require('#gradients');
  } catch (cause) {
    throw new SsmError(
      {
        code: 'BACKEND',
        what: 'startBackend: the gradients of TensorFlow.js cannot be loaded.',
        expected: 'generated/gradients.cjs in this package',
        got: String(cause).split('\n')[0] ?? '',
        fix: "install the package again; or, in a program that was bundled into one file, import '@tensorflow/tfjs' there",
      },
      { cause },
    );
  }
}
