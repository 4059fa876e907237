/** Long work that Esc stops: the newest first, and each only once, since what was told to stop may take a while to end. */
type Stop = () => void;

let list: readonly { readonly stop: Stop }[] = [];

/** Announces work; the result says that it has ended. */
export function beginWork(stop: Stop): () => void {
  const entry = { stop };
  list = [...list, entry];
  return () => {
    list = list.filter((one) => one !== entry);
  };
}

addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.defaultPrevented || document.querySelector('dialog[open]')) return;
  const newest = list.at(-1);
  list = list.slice(0, -1);
  newest?.stop();
});
