import type { TensorInfo } from '@tensorflow/tfjs-core';

/** What one argument of a fast version is: a tensor, one that may be left out, a number or a truth value. */
export type FieldType = 'tensor' | 'tensor?' | 'i32' | 'f32' | 'f64' | 'bool';

/**
 * The arguments of a fast version by name, in the order in which the backend takes them. One list serves every backend: a call gives a record
 * of these names, and the backend makes of it what it needs.
 */
export type Fields = { readonly [name: string]: FieldType };

/** What may be given for a tensor: on a backend that knows places in memory, also such a place. */
type TensorOf<Place> = TensorInfo | Place;

type ArgumentOf<T extends FieldType, Place> = T extends 'tensor' | 'tensor?' ? TensorOf<Place> : T extends 'bool' ? boolean : number;

/** The record of arguments that a list of fields asks for. */
export type ArgumentsOf<F extends Fields, Place = never> = {
  readonly [K in keyof F as F[K] extends 'tensor?' ? never : K]: ArgumentOf<F[K], Place>;
} & {
  readonly [K in keyof F as F[K] extends 'tensor?' ? K : never]?: TensorOf<Place> | undefined;
};
