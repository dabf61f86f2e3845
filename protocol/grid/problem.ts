import { z } from 'zod';
import { EdgeRunnerError, ERROR_EXIT, type ErrorCode } from '../errors.ts';

/** HTTP status of each refusal; what is not listed is a job that cannot be carried out (422). */
const STATUS: Partial<Record<ErrorCode, number>> = {
  'request-invalid': 400,
  'message-invalid': 400,
  'token-missing': 401,
  'token-unknown': 401,
  'token-revoked': 401,
  'token-expired': 401,
  'node-revoked': 401,
  'scope-missing': 403,
  'certificate-unknown': 403,
  'signature-invalid': 403,
  'address-refused': 422,
  'sdp-invalid': 400,
  'media-type': 415,
  'method-refused': 405,
  'trickle-refused': 501,
  'not-found': 404,
  'upload-missing': 422,
  conflict: 409,
  'banner-changed': 412,
  'stream-direction': 409,
  'stream-idle': 409,
  'stream-full': 503,
  'stream-unanswered': 504,
  'too-many-streams': 409,
  'viewer-refused': 406,
  stale: 409,
  'digest-mismatch': 422,
  'source-changed': 409,
  'body-too-large': 413,
  'rate-limited': 429,
  'build-too-old': 426,
  'disk-full': 507,
  'server-fault': 500,
  'database-unreachable': 503,
  'engine-fault': 500,
  'url-unreachable': 502,
};

export const PROBLEM_TYPE = 'application/problem+json';

/** RFC 9457 problem details, with what to do about it. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string().refine((code): code is ErrorCode => code in ERROR_EXIT),
  remedy: z.string(),
});
export type Problem = z.infer<typeof problem>;

/** An error as the API tells it. */
export function toProblem({ code, message, remedy }: EdgeRunnerError): Problem {
  return {
    type: `urn:edge-runner:error:${code}`,
    title: code.replaceAll('-', ' '),
    status: STATUS[code] ?? 422,
    detail: message,
    code,
    remedy,
  };
}

/** An error as it was before the API told it; null for what is no problem document. */
export function fromProblem(value: unknown): EdgeRunnerError | null {
  const read = problem.safeParse(value);
  return read.success ? new EdgeRunnerError(read.data.code, read.data.detail, read.data.remedy) : null;
}
