import { defineComponent, h, onBeforeUnmount, ref } from 'vue';

/** A button that trains two models here. Nothing of it is loaded before. */
export const TrainTwins = defineComponent({
  setup(_, { slots }) {
    const host = ref<HTMLElement>();
    const isAsked = ref(false);
    let stop: (() => void) | undefined;
    const start = async (): Promise<void> => {
      isAsked.value = true;
      if (import.meta.env.SSR || host.value === undefined) return;
      const { trainTwins } = await import('../../widgets/train-twins');
      stop = await trainTwins(host.value);
    };
    onBeforeUnmount(() => stop?.());
    return () =>
      h('div', { class: 'live-figure train-twins' }, [
        h('figure', [
          h('div', slots.default?.()),
          isAsked.value ? undefined : h('button', { type: 'button', onClick: () => void start() }, 'Train both here'),
          h('div', { ref: host }),
        ]),
      ]);
  },
});
