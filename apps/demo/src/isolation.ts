/** Registers the service worker, and reloads once where its headers are needed for threads: a first visit from a static host. */
const RELOADED = 'reloaded-for-threads';
/** After any of these a reload would lose something: the next visit has the threads. */
const TOUCHES = ['pointerdown', 'keydown', 'click', 'input', 'drop'];

export async function keepForOffline(): Promise<void> {
  let isTouched = false;
  for (const type of TOUCHES) addEventListener(type, () => (isTouched = true), { capture: true, once: true });
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  try {
    await navigator.serviceWorker.register('./service-worker.js');
    if (crossOriginIsolated || sessionStorage.getItem(RELOADED)) return;
    await navigator.serviceWorker.ready;
    if (isTouched) return;
    sessionStorage.setItem(RELOADED, 'yes'); // a browser that refuses must not reload forever
    location.reload();
  } catch {
    // private windows and odd hosts have no service workers: one thread, and no page without a connection
  }
}
