import { EdgeRunnerError, health, modelList, serverView } from '../../../protocol/index.ts';
import type { Services } from '../../services.ts';
import { openApi } from '../openapi.ts';
import { type Route, route } from '../route.ts';

/** What is not about jobs: health, numbers, models, and the document about all of it. */
export function systemRoutes(
  { build, db, metrics, models, reach }: Services,
  all: () => readonly Route[],
): Route[] {
  return [
    route({
      ...{ method: 'get', path: '/healthz', name: 'health', access: 'public' },
      summary: 'Whether the process is there.',
      answer: { status: 200, schema: health },
      handle: async () => ({ status: 'ok', build }),
    }),
    route({
      ...{ method: 'get', path: '/readyz', name: 'ready', access: 'public' },
      summary: 'Whether the database answers.',
      answer: { status: 200, schema: health },
      handle: async () => {
        await db.query('SELECT 1');
        return { status: 'ok', build };
      },
    }),
    route({
      ...{ method: 'get', path: '/metrics', name: 'metrics', access: 'read' },
      summary: 'Numbers for Prometheus. Only who runs the server may read them.',
      answer: { status: 200, type: 'text/plain' },
      handle: async ({ caller, response }) => {
        if (!caller.operator)
          throw new EdgeRunnerError(
            'scope-missing',
            'These numbers are for who runs the server.',
            'Ask them for a token.',
          );
        response.type(metrics.type).send(await metrics.text());
      },
    }),
    route({
      ...{ method: 'get', path: '/v1/server', name: 'showServer', access: 'read' },
      summary: 'How this server is reached, for whoever adds a node.',
      answer: { status: 200, schema: serverView },
      handle: async () => ({
        ...{ build, addresses: reach.addresses, local: reach.local },
        ...{ pin: reach.pin, caSha256: reach.caSha256 },
      }),
    }),
    route({
      ...{ method: 'get', path: '/openapi.json', name: 'openapi', access: 'public' },
      summary: 'This document.',
      answer: { status: 200, type: 'application/json' },
      handle: async () => openApi(all(), build),
    }),
    route({
      ...{ method: 'get', path: '/v1/models', name: 'listModels', access: 'read' },
      summary: 'Models that jobs may name.',
      answer: { status: 200, schema: modelList },
      handle: async () => ({ models: await models.list() }),
    }),
    route({
      ...{ method: 'get', path: '/v1/models/:model/descriptor', name: 'describeModel', access: 'node' },
      summary: 'How a model is used.',
      answer: { status: 200, type: 'application/json' },
      handle: async ({ params }) => (await models.get(params.model!)).descriptor,
    }),
    route({
      ...{ method: 'get', path: '/v1/models/:model/bytes', name: 'readModel', access: 'node' },
      summary: 'The file of a model.',
      answer: { status: 200, type: 'application/octet-stream' },
      handle: async ({ params, response }) => {
        const { path } = await models.get(params.model!);
        await new Promise<void>((resolve, reject) =>
          response.sendFile(path, { dotfiles: 'allow', maxAge: '1h' }, (error) =>
            // Whoever asked may have gone.
            error && !response.headersSent ? reject(error) : resolve(),
          ),
        );
      },
    }),
  ];
}
