/** Rooms have addresses: `#/train?family=retnet` shows the same thing to whoever opens it. */
export const ROOMS = [
  { id: 'talk', name: 'Talk' },
  { id: 'train', name: 'Train' },
  { id: 'look', name: 'Look inside' },
  { id: 'snapshots', name: 'Snapshots' },
  { id: 'bench', name: 'Bench' },
] as const;
export type RoomId = (typeof ROOMS)[number]['id'];

interface Route {
  readonly room: RoomId;
  readonly query: URLSearchParams;
}

function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const room = ROOMS.find(({ id }) => id === path)?.id ?? 'talk';
  return { room, query: new URLSearchParams(query) };
}

let current = $state.raw<Route>(parse(location.hash));
addEventListener('hashchange', () => {
  current = parse(location.hash);
});

export const route = {
  get room(): RoomId {
    return current.room;
  },
  get query(): URLSearchParams {
    return current.query;
  },
};

/** The address of a room with what it shows. */
export function addressOf(room: RoomId, query: Readonly<Record<string, string>> = {}): string {
  const text = new URLSearchParams(query).toString();
  return `#/${room}${text ? `?${text}` : ''}`;
}

export const go = (room: RoomId, query?: Readonly<Record<string, string>>): void => {
  location.hash = addressOf(room, query);
};

/** Notes in the address what is shown, without a step in the history; `route.query` stays what was asked for. */
export const noteInAddress = (query: Readonly<Record<string, string>>): void =>
  history.replaceState(history.state, '', addressOf(current.room, query));
