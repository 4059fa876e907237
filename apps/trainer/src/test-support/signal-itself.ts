/**
 * Loaded into a process of `spawnCommand`: it sends itself a signal as soon as what it has written fits a pattern. So it is at that place
 * whatever the speed of the machine, where a signal of another process would come some steps later, or after the end.
 */
const given = process.env.DENSESSM_TEST_SIGNAL;
delete process.env.DENSESSM_TEST_SIGNAL; // it is not meant for the processes that this one starts
if (given !== undefined) signalAt(...(JSON.parse(given) as [pattern: string, flags: string, signal: NodeJS.Signals]));

function signalAt(pattern: string, flags: string, signal: NodeJS.Signals): void {
  const when = new RegExp(pattern, flags);
  let [said, isSent] = ['', false];
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (text: string | Uint8Array, ...rest: unknown[]) => boolean;
    stream.write = (text: string | Uint8Array, ...rest: unknown[]): boolean => {
      const isTaken = write(text, ...rest);
      said += text;
      if (!isSent && when.test(said)) {
        isSent = true;
        process.kill(process.pid, signal);
      }
      return isTaken;
    };
  }
}
