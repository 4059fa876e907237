import { ApiError, badField } from '../errors';
import { type Body, given } from '../fields';
import type { Service } from '../service';

/** POST /slots/{id}?action=save|restore|erase, as llama.cpp's server has it; `filename` is a name and never a path. @throws ApiError */
export async function slotAction(service: Service, idText: string, action: string | undefined, body: Body): Promise<Response> {
  const id = /^\d{1,6}$/.test(idText) ? service.slots.checked(Number(idText)) : service.slots.checked(-1);
  if (action === 'erase') return Response.json({ id_slot: id, n_erased: service.slots.erase(id) });
  if (action !== 'save' && action !== 'restore') throw badField('action', 'save, restore or erase');
  const filename = given(body, 'filename');
  if (typeof filename !== 'string' || filename === '' || filename.length > 255)
    throw badField('filename', 'a name of at most 255 characters');
  if (action === 'restore') return Response.json({ id_slot: id, filename, n_restored: await service.slots.restore(id, filename) });
  const { tokens, bytes } = await service.slots.save(id, filename);
  return Response.json({ id_slot: id, filename, n_saved: tokens, n_written: bytes });
}

/** A body may be absent where nothing is named. */
export const isEmptyBody = (request: Request): boolean => request.body === null || request.headers.get('content-length') === '0';

export const unknownRoute = (): ApiError => new ApiError(404, 'There is no such path, or not with this method.', { code: 'not_found' });
