import type { DenseConfig } from './config';

/**
 * The indexes of the shallower layers that layer `layer` reads, oldest first: the last is the layer just below, at distance 1.
 * Scope 'layer': the last min(layer, m). Scope 'block': layers are cut into blocks of m, and only the first layer of a
 * block reads, the m layers of the block before it. Layer 0 reads none.
 */
export function denseSources({ denseLayers, scope }: DenseConfig, layer: number): number[] {
  const startsBlock = denseLayers > 0 && layer % denseLayers === 0;
  const count = scope === 'layer' || startsBlock ? Math.min(layer, denseLayers) : 0;
  return Array.from({ length: count }, (_, i) => layer - count + i);
}
