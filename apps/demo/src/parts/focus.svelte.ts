/**
 * Hands the focus on where a change of the page takes away the control that has it, as a form goes once it was sent.
 * `change` reads what changes the page, `from` is the part of it that is watched, `to` the control that comes instead.
 */
export function handOnFocus(change: () => unknown, from: () => Element | undefined, to: () => HTMLElement | null | undefined): void {
  let hadFocus = false;
  $effect.pre(() => {
    change();
    hadFocus = from()?.contains(document.activeElement) ?? false;
  });
  $effect(() => {
    change();
    if (hadFocus && document.activeElement === document.body) to()?.focus();
  });
}
