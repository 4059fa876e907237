import '@tensorflow/tfjs-backend-cpu';
import { disposeTree, SsmError } from '@densessm/ssm-core';
import { argMax, ready, setBackend, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

/** The most likely next token, shown on the page. */
export async function showAnswer(logitsOf: () => Tensor3D): Promise<void> {
  const place = document.querySelector('#answer');
  if (!place) throw new Error('the page has no place for the answer');
  try {
    await setBackend('cpu');
    await ready();
    const next = tidy(() => argMax(logitsOf(), -1));
    place.textContent = String(await next.data());
    disposeTree(next);
  } catch (error) {
    place.textContent = error instanceof SsmError ? `${error.code}: ${error.fix}` : String(error);
  }
}
