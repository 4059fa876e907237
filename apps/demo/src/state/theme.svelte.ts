/** Light, dark, or what the system says. */
type Theme = 'light' | 'dark' | 'system';

const kept = (): Theme => {
  const value = document.documentElement.dataset.theme;
  return value === 'light' || value === 'dark' ? value : 'system';
};
const dark = matchMedia('(prefers-color-scheme: dark)');
let choice = $state<Theme>(kept());
let systemIsDark = $state(dark.matches);
dark.addEventListener('change', ({ matches }) => {
  systemIsDark = matches;
});

export const theme = {
  get isDark(): boolean {
    return choice === 'system' ? systemIsDark : choice === 'dark';
  },
  toggle(): void {
    choice = theme.isDark ? 'light' : 'dark';
    document.documentElement.dataset.theme = choice;
    try {
      localStorage.setItem('theme', choice);
    } catch {
      // a browser that keeps nothing: the choice holds for this visit
    }
  },
};
