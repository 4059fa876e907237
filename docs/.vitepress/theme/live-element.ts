import { withBase } from 'vitepress';
import { defineComponent, h, onBeforeUnmount, onMounted, ref } from 'vue';

/**
 * A custom element of the demo's components, which `docs/scripts/elements.ts` has bundled. Its code is loaded when it comes into view or, where it trains,
 * when somebody presses the button that `ask` names; until then there is the slot, which says what one would see.
 */
export const LiveElement = defineComponent({
  props: {
    name: { type: String, required: true },
    ask: { type: String, default: undefined },
    data: { type: Object as () => Record<string, string>, default: () => ({}) },
  },
  setup({ name, ask, data }, { slots }) {
    const host = ref<HTMLElement>();
    const isStarted = ref(false);
    const failure = ref('');
    let observer: IntersectionObserver | undefined;
    const start = async (): Promise<void> => {
      isStarted.value = true;
      failure.value = '';
      try {
        await import(/* @vite-ignore */ new URL(withBase('/elements/elements.js'), location.href).href);
        const element = document.createElement(name);
        Object.assign(element.dataset, data);
        host.value?.replaceChildren(element);
      } catch {
        isStarted.value = false;
        failure.value = 'This part of the page did not come. Look at the connection and try again.';
      }
    };
    onMounted(() => {
      if (ask !== undefined || host.value === undefined) return;
      observer = new IntersectionObserver((entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        observer?.disconnect();
        void start();
      });
      observer.observe(host.value);
    });
    onBeforeUnmount(() => observer?.disconnect());
    const button = (text: string) => h('button', { type: 'button', onClick: () => void start() }, text);
    return () =>
      h('div', { class: `live-figure live-element ${name}` }, [
        h('figure', [
          ask === undefined || isStarted.value ? undefined : button(ask),
          failure.value === '' ? undefined : h('p', { role: 'alert' }, failure.value),
          h('div', { class: 'live-host', ref: host }),
          h('figcaption', slots.default?.()),
        ]),
      ]);
  },
});
