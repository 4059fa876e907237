import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import { LiveFigure } from './live-figure';
import { TrainTwins } from './train-twins';
import './style.css';

export default {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.component('LiveFigure', LiveFigure);
    app.component('TrainTwins', TrainTwins);
  },
} satisfies Theme;
