import { z } from 'zod';
import {
  EdgeRunnerError,
  JOB_STATES,
  type JobSpec,
  jobDetail,
  jobPage,
  jobView,
  newJob,
  parseJobSpec,
  resultFile,
} from '../../../protocol/index.ts';
import { planTasks } from '../../grid/planner.ts';
import { titleOf } from '../../grid/title.ts';
import { Waiting } from '../../grid/waiting.ts';
import type { Services } from '../../services.ts';
import {
  attemptsOfJob,
  createJob,
  deleteJob,
  endJob,
  getJob,
  type JobProgressRow,
  listJobs,
  retryJob,
  tasksOfJob,
} from '../../store/jobs.ts';
import { fileOfJob, filesOfJob, findUploads } from '../../store/records.ts';
import { tenantOf } from '../../store/tenants.ts';
import { type Route, route } from '../route.ts';
import { notFound, read } from '../router.ts';
import { serveBytes } from '../serve-bytes.ts';
import { showDetail, showFile, showJob } from '../views.ts';
import { followJob } from './job-events.ts';

/** Since people have counted so: databases begin elsewhere than dates on paper do. */
const moment = z.iso.datetime({ offset: true }).refine((text) => Date.parse(text) >= 0, 'no time since 1970');

const page = z.object({
  state: z.enum(JOB_STATES).optional(),
  /** Id of the token that it was made with. */
  submitter: z.string().max(100).optional(),
  /** Made then or later. */
  since: moment.optional(),
  /** Made before that. */
  until: moment.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** `next` of the page before. */
  after: z.coerce.number().int().min(0).optional(),
});

const place = z.object({
  /** Id of the last event that is known; the header `Last-Event-ID` comes first. */
  after: z.coerce.number().int().min(0).optional(),
});

/** Jobs: to make, look at, follow, stop, take up again, forget; and what came of them. */
export function jobRoutes({ db, blobs, models, sources, hub, room }: Services): Route[] {
  const waits = new Waiting(db);
  const jobOf = async (tenant: string, id: string): Promise<JobProgressRow> => {
    const job = await getJob(db, tenant, id);
    if (!job) throw notFound(`job ${id}`);
    return job;
  };
  const detailOf = async (tenant: string, id: string) => {
    const job = await jobOf(tenant, id);
    const [tasks, attempts, files] = await Promise.all([
      tasksOfJob(db, id),
      attemptsOfJob(db, id),
      filesOfJob(db, id),
    ]);
    return showDetail(job, tasks, attempts, files);
  };
  return [
    route({
      ...{ method: 'post', path: '/v1/jobs', name: 'createJob', access: 'submit' },
      summary: 'Make a job. Its sources must be there: uploads that are whole, addresses that may be read.',
      body: newJob,
      answer: { status: 201, schema: jobView },
      handle: async ({ caller, body, response, audit }) => {
        room.require();
        const spec = parseJobSpec(body.spec);
        const tenant = await tenantOf(db, caller.tenant);
        const names = await checkSources(spec, caller.tenant);
        await models.check(spec);
        const { job, isNew } = await db.transaction((tx) =>
          createJob(tx, {
            tenant: tenant.id,
            submitter: caller.id,
            key: body.key,
            title: titleOf(spec, names),
            spec,
            tasks: planTasks(spec, { id: tenant.id, leastTrust: tenant.least_trust }),
          }),
        );
        if (isNew) await audit('job.create', job.id);
        else response.status(200);
        return showJob(await jobOf(tenant.id, job.id));
      },
    }),
    route({
      ...{ method: 'get', path: '/v1/jobs', name: 'listJobs', access: 'read' },
      summary: 'Jobs, newest first.',
      query: page,
      answer: { status: 200, schema: jobPage },
      handle: async ({ caller, query: { limit, after = null, ...filter } }) => {
        const jobs = await listJobs(db, caller.tenant, filter, { limit, before: after });
        return {
          jobs: jobs.map(showJob),
          next: jobs.length === limit ? `${jobs.at(-1)!.position}` : null,
        };
      },
    }),
    route({
      ...{ method: 'get', path: '/v1/jobs/:job', name: 'showJob', access: 'read' },
      summary: 'A job with its tasks, their attempts, and the files of what is done.',
      answer: { status: 200, schema: jobDetail },
      handle: ({ caller, params }) => detailOf(caller.tenant, params.job!),
    }),
    route({
      ...{ method: 'post', path: '/v1/jobs/:job/cancel', name: 'cancelJob', access: 'submit' },
      summary: 'Stop a job; one that has ended stays as it is.',
      answer: { status: 200, schema: jobView },
      handle: async ({ caller, params, audit }) => {
        const { id } = await jobOf(caller.tenant, params.job!);
        if (await db.transaction((tx) => endJob(tx, id, 'cancelled', null))) await audit('job.cancel', id);
        return showJob(await jobOf(caller.tenant, id));
      },
    }),
    route({
      ...{ method: 'post', path: '/v1/jobs/:job/retry', name: 'retryJob', access: 'submit' },
      summary: 'Take up what failed or was cancelled of a job again.',
      answer: { status: 200, schema: jobView },
      handle: async ({ caller, params, audit }) => {
        const { id, state } = await jobOf(caller.tenant, params.job!);
        if (!(await db.transaction((tx) => retryJob(tx, caller.tenant, id))))
          throw new EdgeRunnerError(
            'conflict',
            `The job is ${state}: there is nothing to take up again.`,
            'Only a failed or cancelled job can be retried.',
          );
        await audit('job.retry', id);
        return showJob(await jobOf(caller.tenant, id));
      },
    }),
    route({
      ...{ method: 'delete', path: '/v1/jobs/:job', name: 'deleteJob', access: 'submit' },
      summary: 'Forget a job that has ended, with its files.',
      answer: { status: 204 },
      handle: async ({ caller, params, audit }) => {
        const { id, state } = await jobOf(caller.tenant, params.job!);
        if (state === 'queued' || state === 'running')
          throw new EdgeRunnerError('conflict', `The job is ${state}.`, 'Cancel it first.');
        await blobs.remove(`jobs/${id}`);
        await deleteJob(db, id);
        await audit('job.delete', id);
      },
    }),
    route({
      ...{ method: 'get', path: '/v1/jobs/:job/events', name: 'followJob', access: 'read' },
      summary:
        'What happens to a job, until it ends: server-sent events, or NDJSON to whoever accepts that. Taken up again after `Last-Event-ID`.',
      query: place,
      answer: { status: 200, type: 'text/event-stream' },
      handle: async ({ caller, params, query, request, response }) => {
        const { id } = await jobOf(caller.tenant, params.job!);
        // What a browser sends by itself when it connects again.
        const known = request.get('last-event-id');
        const { after = 0 } = known === undefined ? query : read(place, { after: known }, 'Last-Event-ID');
        await followJob({
          db,
          hub,
          waits,
          room,
          tenant: caller.tenant,
          caller: caller.id,
          job: id,
          after,
          request,
          response,
        });
      },
    }),
    route({
      ...{ method: 'get', path: '/v1/jobs/:job/results', name: 'listResults', access: 'read' },
      summary: 'The files of what is done.',
      answer: { status: 200, schema: z.object({ files: z.array(resultFile) }) },
      handle: async ({ caller, params }) => {
        const { id } = await jobOf(caller.tenant, params.job!);
        return { files: (await filesOfJob(db, id)).map(showFile) };
      },
    }),
    route({
      ...{ method: 'get', path: '/v1/jobs/:job/results/:task/:output/:name', access: 'read' },
      name: 'readResult',
      summary: 'One file, ranges included.',
      answer: { status: 200, type: 'application/octet-stream' },
      handle: async ({ caller, params, request, response }) => {
        const { id } = await jobOf(caller.tenant, params.job!);
        const ordinal = Number(params.task);
        const file = Number.isInteger(ordinal)
          ? await fileOfJob(db, id, { ordinal, output: params.output!, name: params.name! })
          : null;
        if (!file) throw notFound('such file');
        await serveBytes(request, response, {
          name: file.name,
          bytes: file.bytes,
          read: (start, end) => blobs.read(file.id, start, end),
        });
      },
    }),
  ];

  /** @returns names of its uploads. @throws {EdgeRunnerError} `upload-missing`, `address-refused`, `job-invalid` */
  async function checkSources(spec: JobSpec, tenant: string): Promise<Map<string, string>> {
    const wanted = spec.sources.flatMap((source) => uploadsOf(source));
    const found = await findUploads(db, tenant, wanted);
    const whole = new Set(found.filter(({ done }) => done).map(({ id }) => id));
    const missing = wanted.find((id) => !whole.has(id));
    const empty = found.find(({ bytes }) => bytes === 0);
    if (empty && missing === undefined)
      throw new EdgeRunnerError(
        'input-empty',
        `The upload ${empty.id} is empty.`,
        'Upload a file with something in it.',
      );
    if (missing !== undefined)
      throw new EdgeRunnerError(
        'upload-missing',
        `There is no whole upload ${missing}.`,
        'Upload the file first (POST /v1/uploads, tus), to its end.',
      );
    for (const source of spec.sources) if (source.kind === 'http') await sources.check(source.url);
    return new Map(found.map(({ id, name }) => [id, name]));
  }
}

/** The uploads of a source. @throws {EdgeRunnerError} `job-invalid` where it names none. */
export function uploadsOf(source: JobSpec['sources'][number]): string[] {
  if (source.kind === 'upload') {
    if (source.upload) return [source.upload];
  } else if (source.kind === 'snapshots') {
    if (source.uploads?.length === source.files.length) return source.uploads;
  } else return [];
  throw new EdgeRunnerError(
    'job-invalid',
    `The source "${source.id}" does not say which upload it is.`,
    source.kind === 'upload' ? 'Give its "upload".' : 'Give one of "uploads" for each of "files".',
  );
}
