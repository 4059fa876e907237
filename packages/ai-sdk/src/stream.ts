/** A stream of what a generator yields; to cancel it ends the generator. `ReadableStream.from` is not in all browsers. */
export function streamOf<T>(parts: AsyncGenerator<T, void, undefined>): ReadableStream<T> {
  return new ReadableStream<T>(
    {
      pull: async (controller) => {
        const { value, done } = await parts.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => {
        await parts.return();
      },
    },
    { highWaterMark: 0 }, // a token is drawn when it is asked for
  );
}
