import type { JobDetail, JobSpec, JobView } from '../../protocol/index.ts';
import type { Ask } from '../../server/testing-node.ts';

/** A server that somebody may give work to. */
export interface Workplace {
  url: string;
  /** Of scope admin. */
  admin: string;
  ask: Ask;
}

/** @returns the id of the upload. */
export async function sendClip({ url, admin }: Workplace, bytes: Buffer): Promise<string> {
  const answer = await fetch(new URL('/v1/uploads', url), {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${admin}`, 'tus-resumable': '1.0.0' },
      ...{ 'upload-length': `${bytes.byteLength}`, 'content-type': 'application/offset+octet-stream' },
    },
    body: new Uint8Array(bytes),
  });
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.headers.get('location')!.split('/').at(-1)!;
}

/**
 * Submits a job and follows it to its end.
 * @param begun hears its id.
 * @returns what became of it, and the seconds from one to the other.
 * @throws where it was not done.
 */
export async function carryOut(
  { url, admin, ask }: Workplace,
  spec: JobSpec,
  begun: (job: string) => void = () => {},
): Promise<{ job: JobDetail; seconds: number }> {
  const began = performance.now();
  const { status, body } = await ask<JobView>('POST', '/v1/jobs', { body: { spec } });
  if (status !== 201) throw new Error(`the server refused a job: ${JSON.stringify(body)}`);
  begun(body.id);
  // They end when the job does.
  const events = await fetch(new URL(`/v1/jobs/${body.id}/events`, url), {
    headers: { authorization: `Bearer ${admin}`, accept: 'application/x-ndjson' },
  });
  await events.text();
  const seconds = (performance.now() - began) / 1000;
  const { body: job } = await ask<JobDetail>('GET', `/v1/jobs/${body.id}`);
  if (job.state !== 'done') throw new Error(`job ${job.id} ${job.state}: ${JSON.stringify(job.error)}`);
  return { job, seconds };
}

/** A file of a job, whole. */
export async function fetchFile({ url, admin }: Workplace, job: JobDetail, name: string): Promise<Buffer> {
  const file = job.files.find((one) => one.name === name);
  if (!file) throw new Error(`job ${job.id} has no ${name}`);
  const answer = await fetch(new URL(file.path, url), { headers: { authorization: `Bearer ${admin}` } });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return Buffer.from(await answer.arrayBuffer());
}
