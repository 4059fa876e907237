/** Long work that Esc and one button stop. The newest is stopped first. */
interface Work {
  readonly label: string;
  readonly stop: () => void;
}
let list = $state.raw<readonly Work[]>([]);

export const work = {
  get current(): Work | undefined {
    return list.at(-1);
  },
  /** Announces work; the result takes it off the list. */
  begin(label: string, stop: () => void): () => void {
    const entry = { label, stop };
    list = [...list, entry];
    return () => {
      list = list.filter((one) => one !== entry);
    };
  },
};

addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.defaultPrevented || document.querySelector('dialog[open]')) return;
  work.current?.stop();
});
