import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FakeServer, FOLDER, fakeServer, fakeStorage } from '../fixtures/fake-web';
import { deleteKeptModel, keptModels } from './kept-models';
import { openPretrained } from './pretrained';
import { PIECE_BYTES } from './remote-file';

const SIZE = PIECE_BYTES + 5;
const large = Uint8Array.from({ length: SIZE }, (_, i) => i % 251);

let server: FakeServer;
let notices: string[];
beforeEach(() => {
  server = fakeServer();
  server.files.set('large.bin', large);
  server.files.set('config.json', new TextEncoder().encode('{}'));
  notices = [];
  vi.stubGlobal('fetch', server.fetch);
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((done: () => void) => done()) as unknown as typeof setTimeout); // pauses before another try
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** A browser with so much room. */
function withRoom(room?: number) {
  const fake = fakeStorage(room);
  vi.stubGlobal('navigator', { storage: fake.storage });
  return fake;
}

async function read(name = 'large.bin'): Promise<Uint8Array> {
  const file = await (await openPretrained(FOLDER, { onNotice: (message) => notices.push(message) })).open(name);
  if (!file) throw new Error('it is missing');
  const bytes = await file.read(0, file.size);
  await file.close();
  return bytes;
}

/** Where a fake file system has the piece. */
function placeOf(folder: ReturnType<typeof fakeStorage>['root'], piece: number): [Map<string, Uint8Array<ArrayBuffer>>, string] {
  for (const name of folder.files.keys())
    if (name.startsWith(`${piece}-`) && folder.files.get(name)?.length !== 2) return [folder.files, name];
  for (const inside of folder.folders.values()) {
    const found = placeOf(inside, piece);
    if (found[1] !== '') return found;
  }
  return [folder.files, ''];
}

describe('files of a model in the site storage', () => {
  it('are listed with their sizes, and not fetched again', async () => {
    withRoom();
    expect(await keptModels()).toEqual([]);
    await read('config.json');
    expect(Buffer.from(await read()).equals(large)).toBe(true);
    server.seen.length = 0;
    expect(Buffer.from(await read()).equals(large)).toBe(true);
    expect(server.seen.filter((one) => !one.startsWith('files.json'))).toEqual(['large.bin 0-0']);
    const files = [
      { name: 'config.json', bytes: 2, size: 2 },
      { name: 'large.bin', bytes: SIZE, size: SIZE },
    ];
    expect(await keptModels()).toEqual([{ source: FOLDER, files, bytes: SIZE + 2, isComplete: true }]);
    expect(notices).toEqual([]);
  });

  it('are begun but not complete after an interruption', async () => {
    withRoom();
    const file = await (await openPretrained(FOLDER)).open('large.bin');
    await file?.read(0, 10);
    expect(await keptModels()).toMatchObject([{ bytes: PIECE_BYTES, isComplete: false }]);
  });

  it('are gone when the model is deleted, and those of others are not', async () => {
    withRoom();
    await read('config.json');
    await deleteKeptModel('https://models.example/other');
    expect(await keptModels()).toHaveLength(1);
    await deleteKeptModel(FOLDER);
    expect(await keptModels()).toEqual([]);
  });

  it('come again where a piece is no longer what was written, or is gone', async () => {
    const { root } = withRoom();
    await read();
    const [files, name] = placeOf(root, 1);
    files.set(name, Uint8Array.of(1, 2, 3, 4, 6));
    server.seen.length = 0;
    expect(Buffer.from(await read()).equals(large)).toBe(true);
    expect(server.seen.filter((one) => !one.startsWith('files.json'))).toEqual(['large.bin 0-0', `large.bin ${PIECE_BYTES}-${SIZE - 1}`]);
    expect(notices).toEqual(['A part of large.bin that this browser kept is damaged, and comes again.']);
    placeOf(root, 0)[0].delete(placeOf(root, 0)[1]);
    server.seen.length = 0;
    expect(Buffer.from(await read()).equals(large)).toBe(true);
    expect(server.seen.filter((one) => !one.startsWith('files.json'))).toEqual(['large.bin 0-0', `large.bin 0-${PIECE_BYTES - 1}`]);
    server.seen.length = 0;
    await read();
    expect(server.seen.filter((one) => !one.startsWith('files.json'))).toEqual(['large.bin 0-0']);
  });

  it('are used without being kept where there is no room, which a sentence says once', async () => {
    withRoom(1000);
    expect(Buffer.from(await read()).equals(large)).toBe(true);
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(/^This browser has no room to keep large\.bin .*: it is used now and has to come again at the next visit\./);
  });
});
