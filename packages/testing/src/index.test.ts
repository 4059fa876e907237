import { describe, expect, it } from 'vitest';
import * as testing from './index';

describe('the surface of @densessm/testing', () => {
  it('changes only in sight of a review', () => {
    expect(Object.keys(testing).sort()).toMatchInlineSnapshot(`
      [
        "advanceInPieces",
        "describeDecoder",
        "describeKernelChecks",
        "describeKernelParity",
        "describeSequenceModel",
        "distance",
        "expectClose",
        "expectGradientsMatchDifferences",
        "heapBuffers",
        "keptForBackward",
        "normal",
        "packedLinearNaive",
        "roundedWeights",
        "sampleTensor",
        "someTokens",
      ]
    `);
  });
});

describe('expectClose', () => {
  const { expectClose } = testing;

  it('bounds the worst error by the RMS of the reference', async () => {
    await expectClose('near', [3, 4], [3, 4.003], 1e-3);
    await expect(expectClose('far', [3, 4], [3, 4.005], 1e-3)).rejects.toThrow('far: worst error');
  });

  it('refuses what is not finite, on either side, and other lengths', async () => {
    await expect(expectClose('x', [1, 2], [1, Number.NaN], 1)).rejects.toThrow('worst error Infinity');
    await expect(expectClose('x', [1, Number.POSITIVE_INFINITY], [1, Number.POSITIVE_INFINITY], 1)).rejects.toThrow('reference is finite');
    await expect(expectClose('x', [1, 2], [1], 1)).rejects.toThrow('number of values');
  });

  it('is absolute below the floor', async () => {
    await expectClose('zero', [0, 0], [0, 1e-4], 1e-2, 1e-1);
    await expect(expectClose('zero', [0, 0], [0, 1e-4], 1e-2)).rejects.toThrow('bound 0');
  });
});
