/**
 * `disabled` takes the focus from a button that is pressed and then waits for what it began. Such a button is `aria-disabled` instead, which keeps the
 * focus where it is; its clicks go nowhere.
 */
addEventListener(
  'click',
  (event) => {
    if (!(event.target as Element).closest('[aria-disabled="true"]')) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  { capture: true },
);
