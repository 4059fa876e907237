/** In place of the demo's theme: the site has a switch of its own. */
const { documentElement: page } = document;
const asked = (): boolean => page.classList.contains('dark');
let isDark = $state(asked());
new MutationObserver(() => {
  isDark = asked();
}).observe(page, { attributeFilter: ['class'] });

export const theme = {
  get isDark(): boolean {
    return isDark;
  },
};
