import { createRequire } from 'node:module';

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
    registry.get = Map.prototype.get;
    const own = [...registry];
    createRequire(import.meta.url)('@tensorflow/tfjs');
    for (const [known, gradient] of own) registry.set(known, gradient);
    return registry.get(name);
  };
}
