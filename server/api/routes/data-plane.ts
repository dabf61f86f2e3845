import type { Request, Response } from 'express';
import { EdgeRunnerError, type JobSpec, newParts, partTargets } from '../../../protocol/index.ts';
import type { Part } from '../../blobs/store.ts';
import { attemptKey } from '../../grid/work.ts';
import type { Services } from '../../services.ts';
import { liveAttempt } from '../../store/leases.ts';
import { tracksOf } from '../../store/records.ts';
import { type Route, route } from '../route.ts';
import { notFound } from '../router.ts';
import { serveBytes } from '../serve-bytes.ts';

/** Address of a source, as it was signed. */
export interface SignedSource {
  attempt: string;
  lease: string;
  source: string;
  /** Not the source itself, but who was followed through the segment. */
  tracks?: true;
}

interface SignedPart extends Part {
  attempt: string;
  lease: string;
  key: string;
}

/** Milliseconds that the address of a part is good for. */
const PART_TTL = 10 * 60_000;

/** The bytes of jobs: sources to nodes, results from them. */
export function dataPlaneRoutes({ db, blobs, signer, sources, room }: Services): Route[] {
  const specOf = async ({ attempt, lease, source: id }: SignedSource) => {
    const [row] = await db.query<{ job: string; spec: JobSpec }>(
      `SELECT job.id AS job, job.spec FROM attempt JOIN job ON job.id = attempt.job
       WHERE attempt.id = $1 AND attempt.lease = $2 AND attempt.state IN ('offered', 'leased')`,
      [attempt, lease],
    );
    const source = row?.spec.sources.find((one) => one.id === id);
    if (!source) throw stale();
    return { job: row!.job, source };
  };
  const serveTracks = async ({ attempt, lease }: SignedSource, request: Request, response: Response) => {
    const file = await tracksOf(db, { attempt, lease });
    if (!file) throw stale();
    const { id, bytes } = file;
    await serveBytes(request, response, {
      name: id,
      bytes,
      read: (start, end) => blobs.read(id, start, end),
    });
  };
  const readSource = (path: string, name: string, summary: string): Route =>
    route({
      ...{ method: 'get', path, name, summary, access: 'signed' },
      answer: { status: 200, type: 'application/octet-stream' },
      handle: async ({ params, request, response }) => {
        const signed = signer.verify<SignedSource>('source', params.signed!);
        if (signed.tracks) return serveTracks(signed, request, response);
        const { job, source } = await specOf(signed);
        const index = Number(params.index ?? 0);
        if (source.kind === 'snapshots' && !(index in source.files))
          throw notFound(`picture ${params.index}`);
        await sources.serve(job, source, index, request, response);
      },
    });
  return [
    readSource('/v1/sources/:signed', 'readSource', 'The bytes of a source, ranges included.'),
    readSource('/v1/sources/:signed/:index', 'readPicture', 'One still picture of a source.'),
    route({
      ...{ method: 'post', path: '/v1/attempts/:attempt/parts', name: 'promiseParts', access: 'lease' },
      summary: 'Where parts of a result go. Length and digest of each are bound to its address.',
      body: newParts,
      answer: { status: 200, schema: partTargets },
      handle: async ({ params, bearer, body }) => {
        const live = await liveAttempt(db, { attempt: params.attempt!, lease: bearer });
        // Its acceptance may still be on its way to the database.
        if (!live) throw stale();
        const key = attemptKey(live.job, live.id, body.output, body.name);
        const targets = await Promise.all(
          body.parts.map((part) => {
            if (blobs.partTarget) return blobs.partTarget(key, part);
            const signed: SignedPart = { attempt: live.id, lease: live.lease, key, ...part };
            return { url: `/v1/parts/${signer.sign('part', signed, PART_TTL)}`, headers: {} };
          }),
        );
        return { targets };
      },
    }),
    route({
      ...{ method: 'put', path: '/v1/parts/:signed', name: 'writePart', access: 'signed' },
      summary: 'A part of a result. It is written once.',
      answer: { status: 204 },
      handle: async ({ params, request }) => {
        const { attempt, lease, key, ...part } = signer.verify<SignedPart>('part', params.signed!);
        if (!(await liveAttempt(db, { attempt, lease }))) throw stale();
        room.receive(request);
        await blobs.writePart(key, { index: part.index, bytes: part.bytes, sha256: part.sha256 }, request);
      },
    }),
  ];
}

const stale = () =>
  new EdgeRunnerError(
    'stale',
    'This attempt is not yours any more.',
    'Drop it: its lease ended, or its job did, and somebody else may have it.',
  );
