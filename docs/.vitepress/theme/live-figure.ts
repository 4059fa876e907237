import { defineComponent, h, onBeforeUnmount, onMounted, ref } from 'vue';

/** A picture that was drawn when the site was built; its controls are loaded when it comes into view. */
export const LiveFigure = defineComponent({
  props: { name: { type: String, required: true } },
  setup({ name }, { slots }) {
    const element = ref<HTMLElement>();
    let observer: IntersectionObserver | undefined;
    onMounted(() => {
      const host = element.value;
      if (host === undefined) return;
      observer = new IntersectionObserver((entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        observer?.disconnect();
        void import('../../figures/live').then(({ makeLive }) => makeLive(host, name));
      });
      observer.observe(host);
    });
    onBeforeUnmount(() => observer?.disconnect());
    return () => h('div', { class: 'live-figure', ref: element }, slots.default?.());
  },
});
