/** Registers the service worker, and reloads once where its headers are needed for threads: a first visit from a static host. */
const RELOADED = 'reloaded-for-threads';

export async function keepForOffline(): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  try {
    await navigator.serviceWorker.register('./service-worker.js');
    if (crossOriginIsolated || sessionStorage.getItem(RELOADED)) return;
    await navigator.serviceWorker.ready;
    sessionStorage.setItem(RELOADED, 'yes'); // a browser that refuses must not reload forever
    location.reload();
  } catch {
    // private windows and odd hosts have no service workers: one thread, and no page without a connection
  }
}
