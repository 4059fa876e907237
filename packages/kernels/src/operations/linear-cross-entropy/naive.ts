import type { Naive } from '../../checks/number-grid';
import { crossEntropyNaive } from '../cross-entropy/naive';
import { linearNaive } from '../linear/naive';
import type { LinearCrossEntropyAttrs, LinearCrossEntropyInputs } from './inputs';

/** The mean loss of the logits x wᵀ. */
export const linearCrossEntropyNaive: Naive<LinearCrossEntropyInputs, LinearCrossEntropyAttrs> = ({ x, w, targets }, { ignoreIndex }) =>
  linearNaive({ x, w }, {}).flatMap((logits) => crossEntropyNaive({ logits, targets }, { ignoreIndex, reduction: 'mean' }));
