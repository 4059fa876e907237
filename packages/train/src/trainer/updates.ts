import { SsmError } from '@densessm/ssm-core';
import { liesOnHost } from '@densessm/ssm-core/internal';
import { add, scalar, tidy } from '@tensorflow/tfjs-core';
import { spoiled } from './errors';

/**
 * What is known of a trainer's updates. A device does them after they were asked for, and what it could not do is told to whoever reads from it next: until
 * then nobody knows whether parameters and moments are those of a step. Where it failed meanwhile they may be those of none, and are not to be used.
 */
export class Updates {
  #count = 0;
  /** Whether nothing was read since the last one. */
  #isUnread = false;
  #failure: { readonly cause: unknown } | undefined;

  /** @throws SsmError STATE after a failure in an update */
  refuseSpoiled(): void {
    if (this.#failure !== undefined) throw spoiled(this.#failure.cause);
  }

  /** Does one: whatever it throws, a part of it may be done. */
  run<T>(update: () => T): T {
    this.#count++;
    this.#isUnread = !liesOnHost();
    try {
      return update();
    } catch (error) {
      this.spoil(error);
      throw error;
    }
  }

  /** The last one was given what is not there. */
  spoil(cause: unknown): void {
    this.#failure ??= { cause };
  }

  /** Something else failed, perhaps because of the last one. A lost device says so itself, again and again. */
  suspect(error: unknown): void {
    if (this.#isUnread && error instanceof SsmError && error.code === 'BACKEND') this.spoil(error);
  }

  /** Reads from the device by `work`, which asks for all it reads before it waits. @throws SsmError STATE where the last update came to nothing */
  async read<T>(work: () => Promise<T>): Promise<T> {
    const [count, isUnread] = [this.#count, this.#isUnread];
    try {
      const result = await work();
      if (isUnread) this.refuseSpoiled(); // what failed may have been told to a step
      if (count === this.#count) this.#isUnread = false;
      return result;
    } catch (error) {
      this.suspect(error);
      throw error;
    }
  }

  /** Waits until all of them are known to be done, so that what fails afterwards has other causes. @throws SsmError BACKEND or LOST */
  async settle(): Promise<void> {
    if (!this.#isUnread) return;
    await this.read(async () => {
      const sum = tidy(() => add(scalar(1), scalar(1)));
      await sum.data().finally(() => sum.dispose());
    });
  }
}
