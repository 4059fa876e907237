const EMPTY = '\0no-widget';

/** Widgets run in a browser alone: when pages are rendered for readers without JavaScript, they and the tensor code behind them are not even read. */
export const noWidgetsOnTheServer = {
  name: 'no-widgets-on-the-server',
  enforce: 'pre' as const,
  resolveId: (id: string, _: unknown, { ssr }: { ssr?: boolean }) => (ssr && id.includes('/widgets/') ? EMPTY : undefined),
  load: (id: string) => (id === EMPTY ? 'export const trainTwins = undefined;' : undefined),
};
