import type { Request, RequestHandler, Response } from 'express';
import { ipKeyGenerator, MemoryStore, type Options, rateLimit } from 'express-rate-limit';
import { EdgeRunnerError, PROBLEM_TYPE, toProblem } from '../../protocol/index.ts';
import type { RequestLimits } from '../options.ts';

const minute = { windowMs: 60_000, standardHeaders: 'draft-8', legacyHeaders: false } as const;

/** Bytes of sources and results come in many requests, and each has to have been signed. */
export const requestLimit = ({ requests }: RequestLimits): RequestHandler =>
  rateLimit({
    ...minute,
    limit: requests,
    skip: ({ originalUrl }) =>
      /^\/v1\/(sources|parts|uploads|attempts|jobs\/[^/]+\/results)\b/.test(originalUrl),
    handler: answerWith(tooMany('requests')),
  });

/** Whoever guesses tokens or signatures is soon not listened to. */
export const refusalLimit = ({ refusals }: RequestLimits): RequestHandler =>
  rateLimit({
    ...minute,
    limit: refusals,
    skipSuccessfulRequests: true,
    requestWasSuccessful: (_request, { statusCode }) => !isRefusal(statusCode),
    handler: answerWith(tooMany('refused requests')),
  });

/** Lets somebody in by what was shown on a connection, or throws why not. */
export type Admit = <T>(check: () => Promise<T>) => Promise<T>;

/** The same of those who guess on sockets, each of which may bring another guess. */
export class SocketRefusals {
  readonly #most: number;
  readonly #store = new MemoryStore(undefined);

  constructor({ refusals }: RequestLimits) {
    this.#most = refusals;
    this.#store.init({ windowMs: minute.windowMs } as Options);
  }

  /** @returns what connections of that address let somebody in by. */
  of(address: string): Admit {
    const key = ipKeyGenerator(address);
    return async (check) => {
      await this.#listen(key);
      try {
        const admitted = await check();
        // Of many guesses at once one may be right: it comes too late then, too.
        await this.#listen(key);
        return admitted;
      } catch (error) {
        if (error instanceof EdgeRunnerError && isRefusal(toProblem(error).status))
          await this.#store.increment(key);
        throw error;
      }
    };
  }

  /** @throws {EdgeRunnerError} `rate-limited` */
  async #listen(key: string): Promise<void> {
    const count = await this.#store.get(key);
    if (count?.resetTime && count.resetTime.getTime() > Date.now() && count.totalHits >= this.#most)
      throw tooMany('refused connections');
  }
}

const isRefusal = (status: number): boolean => status === 401 || status === 403;

const tooMany = (what: string) =>
  new EdgeRunnerError('rate-limited', `There were too many ${what} from your address.`, 'Wait a minute.');

const answerWith = (error: EdgeRunnerError) => (_request: Request, response: Response) => {
  const told = toProblem(error);
  response.status(told.status).type(PROBLEM_TYPE).send(JSON.stringify(told));
};
