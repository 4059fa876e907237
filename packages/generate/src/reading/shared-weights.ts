import { packParams } from '@densessm/kernels';
import { disposeTree, isPacked, namedParams, type WeightType } from '@densessm/ssm-core';
import type { ModelBundle } from '../bundle';

/** Params with packed matrices, which one user holds until it releases them. */
export interface SharedWeights {
  readonly params: object;
  /** Not once training has put other tensors in the place of those that were packed. */
  isCurrent(): boolean;
  /** The same for one more user. */
  retain(): SharedWeights;
  release(): void;
}

/** Of params of tensors, those packed from them that are in use. */
const packings = new WeakMap<object, Map<WeightType, Packing>>();

/**
 * The params of a bundle with packed matrices: one copy for all who ask, freed when the last one has released it. Those that are packed
 * are what they are.
 * @throws SsmError BACKEND without room, WEIGHTS where one is not finite
 */
export function sharedWeights(bundle: ModelBundle, weights: WeightType): Promise<SharedWeights> {
  const { model, config, params } = bundle;
  const named = [...namedParams(model.spec(config), params)].map(([, param]) => param);
  if (named.some(isPacked)) return Promise.resolve(asTheyAre(params));
  const ofParams = packings.get(params) ?? new Map<WeightType, Packing>();
  packings.set(params, ofParams);
  const known = ofParams.get(weights);
  if (known?.isCurrent) return known.share();
  const packing = new Packing(packParams(model.spec(config), params, { weights }), named, () => {
    if (ofParams.get(weights) === packing) ofParams.delete(weights);
  });
  ofParams.set(weights, packing);
  return packing.share();
}

function asTheyAre(params: object): SharedWeights {
  const weights: SharedWeights = { params, isCurrent: () => true, retain: () => weights, release: () => undefined };
  return weights;
}

class Packing {
  readonly #params: Promise<object>;
  readonly #sources: readonly { readonly tensor: Source; readonly dataId: object }[];
  readonly #end: () => void;
  #users = 0;

  constructor(params: Promise<object>, tensors: readonly Source[], end: () => void) {
    this.#params = params;
    this.#sources = tensors.map((tensor) => ({ tensor, dataId: tensor.dataId }));
    this.#end = end;
  }

  get isCurrent(): boolean {
    return this.#sources.every(({ tensor, dataId }) => tensor.dataId === dataId);
  }

  async share(): Promise<SharedWeights> {
    this.#users++;
    try {
      return this.#shareOf(await this.#params);
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  /** What a user that was counted gets. */
  #shareOf(params: object): SharedWeights {
    let isReleased = false;
    const retain = (): SharedWeights => {
      this.#users++;
      return this.#shareOf(params);
    };
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      if (--this.#users > 0) return;
      this.#end();
      disposeTree(params);
    };
    return { params, isCurrent: () => this.isCurrent, retain, release };
  }
}

interface Source {
  readonly dataId: object;
}
