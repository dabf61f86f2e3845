import type { Services } from '../../services.ts';
import { UPLOADS_PATH } from '../../uploads.ts';
import { type Route, route } from '../route.ts';

/** Resumable uploads, as tus 1.0 has them. */
export function uploadRoutes({ uploads, room }: Services): Route[] {
  const one = `${UPLOADS_PATH}/:upload`;
  return [
    route({
      ...{ method: 'post', path: UPLOADS_PATH, name: 'createUpload', access: 'submit' },
      summary: 'Begin an upload (tus 1.0). Its id is the last word of `Location`.',
      answer: { status: 201 },
      handle: ({ caller, request, response }) => {
        room.receive(request);
        return uploads.create(caller, request, response);
      },
    }),
    route({
      ...{ method: 'head', path: one, name: 'showUpload', access: 'submit' },
      summary: 'How much of an upload is there.',
      answer: { status: 200 },
      handle: ({ caller, params, request, response }) =>
        uploads.goOn(caller, params.upload!, request, response),
    }),
    route({
      ...{ method: 'patch', path: one, name: 'continueUpload', access: 'submit' },
      summary: 'Send more of an upload, from where it is.',
      answer: { status: 204 },
      handle: ({ caller, params, request, response }) => {
        room.receive(request);
        return uploads.goOn(caller, params.upload!, request, response);
      },
    }),
    route({
      ...{ method: 'delete', path: one, name: 'deleteUpload', access: 'submit' },
      summary: 'Give an upload up; a job that names it cannot be carried out any more.',
      answer: { status: 204 },
      handle: ({ caller, params }) => uploads.remove(caller, params.upload!),
    }),
  ];
}
