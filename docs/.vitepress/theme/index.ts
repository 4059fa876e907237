import { type Theme, useRoute } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import { h, nextTick, onMounted, watch } from 'vue';
import { figureNamed } from '../../figures';
import { figureMarkup } from '../../figures/markup';
import { LiveElement } from './live-element';
import { LiveFigure } from './live-figure';
import './style.css';

/** The landing page's picture. */
const hero = () => h(LiveFigure, { name: 'memory' }, () => h('div', { innerHTML: figureMarkup(figureNamed('memory')) }));

export default {
  extends: DefaultTheme,
  Layout: () => h(DefaultTheme.Layout, null, { 'home-hero-image': hero }),
  setup() {
    const route = useRoute();
    const markMain = async (): Promise<void> => {
      await nextTick();
      const content = document.querySelector('#VPContent');
      if (content?.classList.contains('is-home')) content.setAttribute('role', 'main');
      else content?.removeAttribute('role');
    };
    onMounted(() => watch(() => route.path, markMain, { immediate: true }));
  },
  enhanceApp({ app }) {
    app.component('LiveFigure', LiveFigure);
    app.component('LiveElement', LiveElement);
  },
} satisfies Theme;
