import { type Theme, useRoute } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import { nextTick, onMounted, watch } from 'vue';
import { LiveElement } from './live-element';
import { LiveFigure } from './live-figure';
import './style.css';

export default {
  extends: DefaultTheme,
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
