import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ErrorCode, type JobSpec, parseJobSpec } from '../../protocol/index.ts';
import { planTasks } from '../grid/planner.ts';
import { Waiting } from '../grid/waiting.ts';
import { CAPABILITIES } from '../testing-node.ts';
import { claimTasks, type NewAttempt, queuedKinds } from './claims.ts';
import type { Database } from './database.ts';
import { endAttempts, expireAttempts, MOST_ATTEMPTS, MOST_FAILURES } from './endings.ts';
import { createJob, endJob, getJob, retryJob, tasksOfJob } from './jobs.ts';
import { acceptOffers, recordProgress, renewLeases } from './leases.ts';
import { migrate, NewerDatabase } from './migrate.ts';
import {
  BREAKER_FAILURES,
  connectNode,
  endSuspensions,
  enrolNode,
  nodesById,
  tripBreakers,
} from './nodes.ts';
import { eventsAfter } from './records.ts';
import { finishAttempts } from './results.ts';
import {
  adminTokenIfNone,
  createTenant,
  createToken,
  deleteOldTokens,
  findToken,
  listTokens,
  operatorTenant,
  type TokenRow,
} from './tenants.ts';
import { ENGINES, emptyTables, stopPostgres, type TestDatabase } from './testing.ts';

afterAll(stopPostgres);

describe.each(ENGINES)('on $name', ({ here, open }) => {
  describe.runIf(here)('the store', () => {
    let test: TestDatabase;
    let db: Database;
    let tenant: string;
    let token: TokenRow;
    let node: string;

    beforeAll(async () => {
      test = await open();
      db = test.database;
    });
    afterAll(() => test.close());
    beforeEach(async () => {
      await emptyTables(db);
      tenant = (await operatorTenant(db)).id;
      token = (await createToken(db, tenant, { name: 'a', scope: 'admin', labels: [], trust: 'untrusted' }))
        .row;
      node = (await enrolNode(db, token, { name: 'node', host: 'headless' })).row.id;
    });

    const spec = (sources = 1, more: Partial<JobSpec> = {}): JobSpec =>
      parseJobSpec({
        v: 1,
        sources: Array.from({ length: sources }, (_, i) => ({ id: `in-${i}`, kind: 'pattern', frames: 10 })),
        outputs: Array.from({ length: sources }, (_, i) => ({
          id: `e-${i}`,
          kind: 'events',
          from: `in-${i}`,
        })),
        ...more,
      });
    const submit = async (
      job = spec(),
      {
        submitter = token.id,
        key,
        chain = false,
      }: { submitter?: string; key?: string; chain?: boolean } = {},
    ) => {
      const tasks = planTasks(job, { id: tenant, leastTrust: 'untrusted' });
      if (chain) for (const [i, task] of tasks.entries()) task.after = i > 0 ? [i - 1] : [];
      return db.transaction((tx) =>
        createJob(tx, { tenant, submitter, key, title: 'a job', spec: job, tasks }),
      );
    };
    const claim = async (most = 10, offerMs = 60_000): Promise<NewAttempt[]> => {
      const kinds = (await queuedKinds(db)).map(({ needsKey }) => needsKey);
      return claimTasks(db, { kinds, most, offerMs }, (found) => found.map(({ id }) => ({ task: id, node })));
    };
    const begin = async (most = 10): Promise<NewAttempt[]> => {
      const claimed = await claim(most);
      await acceptOffers(db, claimed, 60_000);
      return claimed;
    };
    const outcome = { frames: 10, seconds: 1, truncated: false };
    const finish = (attempts: NewAttempt[]) =>
      finishAttempts(
        db,
        attempts.map(({ attempt, lease }) => ({ attempt, lease, outcome, files: [] })),
        () => [],
      );
    const fail = (attempts: NewAttempt[], retry = true, code: ErrorCode = 'engine-fault') =>
      db.transaction((tx) =>
        endAttempts(
          tx,
          attempts.map(({ attempt, lease }) => ({
            ...{ attempt, lease, retry, state: 'failed' as const },
            error: { code, message: 'broke', remedy: 'none' },
          })),
        ),
      );
    const states = async (job: string) => (await tasksOfJob(db, job)).map(({ state }) => state);

    it('ends a job whose last two tasks are finished at the same moment', async () => {
      for (let round = 0; round < 15; round++) {
        const { job } = await submit(spec(2));
        const [first, second] = await begin();
        await Promise.all([finish([first!]), finish([second!])]);
        expect((await getJob(db, tenant, job.id))!.state).toBe('done');
      }
    });

    it('gives up a task that nobody takes, and none that is given back however often', async () => {
      const end = async (state: 'returned' | 'withdrawn') => {
        const [attempt] = await claim(1);
        if (!attempt) return false;
        const { attempt: id, lease } = attempt;
        await db.transaction((tx) =>
          endAttempts(tx, [{ attempt: id, lease, state, error: null, retry: true }]),
        );
        return true;
      };
      const { job } = await submit();
      for (let i = 0; i < 2 * MOST_ATTEMPTS; i++) expect(await end('returned')).toBe(true);
      for (let i = 0; i < MOST_ATTEMPTS; i++) expect(await end('withdrawn')).toBe(true);
      expect(await states(job.id)).toEqual(['dead']);
      expect(await end('withdrawn')).toBe(false);
    });

    it('takes its migrations once, and refuses a database of a newer build', async () => {
      await migrate(db);
      await db.query('INSERT INTO migration (id) VALUES (999)');
      await expect(migrate(db)).rejects.toThrow(NewerDatabase);
      await db.query('DELETE FROM migration WHERE id = 999');
    });

    it('keeps tokens as hashes, and tells an expired one', async () => {
      const { secret } = await createToken(db, tenant, {
        ...{ name: 'short', scope: 'read', labels: [], trust: 'untrusted', expiresIn: 1 },
      });
      expect(secret).toMatch(/^er_read_[\w-]{43}$/);
      expect(JSON.stringify(await db.query('SELECT * FROM token'))).not.toContain(secret);
      expect(await findToken(db, secret)).toMatchObject({ name: 'short', expired: false, operator: true });
      await db.query(`UPDATE token SET expires_at = now() - interval '1 second' WHERE name = 'short'`);
      expect(await findToken(db, secret)).toMatchObject({ expired: true });
      expect(await findToken(db, `${secret.slice(0, -1)}x`)).toBeNull();
    });

    it('forgets tokens that have opened nothing for long, but for those that something was made with', async () => {
      const make = async (name: string) =>
        (
          await createToken(db, tenant, {
            name,
            scope: 'enrol',
            labels: [],
            trust: 'untrusted',
            expiresIn: 1,
          })
        ).row;
      const [old, used, late] = [await make('old'), await make('used'), await make('late')];
      await enrolNode(db, used, { name: 'n', host: 'tab' });
      await db.query(`UPDATE token SET expires_at = now() - interval '8 days' WHERE id = ANY($1)`, [
        [old.id, used.id],
      ]);
      expect(await deleteOldTokens(db, 7 * 86_400)).toBe(1);
      const left = (await listTokens(db, tenant)).map(({ id }) => id);
      expect(left).toEqual(expect.arrayContaining([token.id, used.id, late.id]));
      expect(left).not.toContain(old.id);
    });

    it('carries a job from queue to done', async () => {
      const { job } = await submit(spec(2));
      expect(await getJob(db, tenant, job.id)).toMatchObject({ state: 'queued', total: 2, done: 0 });
      const attempts = await begin();
      expect(attempts).toHaveLength(2);
      expect(await getJob(db, tenant, job.id)).toMatchObject({ state: 'running', running: 2 });
      await recordProgress(db, [{ ...attempts[0]!, frames: 4, of: 10, fps: 2, waits: false }]);
      expect(await getJob(db, tenant, job.id)).toMatchObject({ frames: 4, fps: 2 });
      expect(await finish(attempts)).toEqual(new Set(attempts.map(({ attempt }) => attempt)));
      expect(await getJob(db, tenant, job.id)).toMatchObject({
        state: 'done',
        done: 2,
        frames: 20,
        expected: 20,
      });
      const types = (await eventsAfter(db, job.id, 0, 100)).map(({ type }) => type);
      expect(types[0]).toBe('job.queued');
      expect(types.at(-1)).toBe('job.done');
      expect(types.filter((type) => type === 'task.done')).toHaveLength(2);
    });

    it('makes one job for one key, and shows no tenant the jobs of another', async () => {
      const { job } = await submit(spec(), { key: 'same-key-1' });
      expect(await submit(spec(), { key: 'same-key-1' })).toMatchObject({
        isNew: false,
        job: { id: job.id },
      });
      const other = (await createTenant(db, { name: 'other', leastTrust: 'untrusted' }))!;
      expect(await getJob(db, other.id, job.id)).toBeNull();
      expect(await createTenant(db, { name: 'other', leastTrust: 'untrusted' })).toBeNull();
    });

    it('claims each task once, however many ask at a time', async () => {
      await submit(spec(40));
      const claims = await Promise.all(Array.from({ length: 8 }, () => claim(40)));
      const tasks = claims.flat().map(({ task }) => task);
      expect(new Set(tasks).size).toBe(tasks.length);
      expect(tasks).toHaveLength(40);
    });

    it('gives high priority first, and submitters equal shares', async () => {
      const other = (
        await createToken(db, tenant, { name: 'b', scope: 'submit', labels: [], trust: 'untrusted' })
      ).row.id;
      const many = (await submit(spec(20))).job.id;
      const single = (await submit(spec(1), { submitter: other })).job.id;
      const urgent = (await submit(spec(1, { priority: 5 }))).job.id;
      const order = (await claim(4)).map(({ job }) => job);
      expect(order).toHaveLength(4);
      expect(order).toContain(urgent);
      expect(order).toContain(single);
      expect(order.filter((job) => job === many)).toHaveLength(2);
    });

    it('sets tasks free when what they wait for is done', async () => {
      const { job } = await submit(spec(3), { chain: true });
      expect(await states(job.id)).toEqual(['queued', 'blocked', 'blocked']);
      await finish(await begin());
      expect(await states(job.id)).toEqual(['done', 'queued', 'blocked']);
      await finish(await begin());
      await finish(await begin());
      expect(await getJob(db, tenant, job.id)).toMatchObject({ state: 'done' });
    });

    it('writes nothing for a lease that has ended, or is another', async () => {
      const { job } = await submit();
      const [attempt] = await begin();
      const forged = { ...attempt!, lease: 'x'.repeat(32) };
      expect(await renewLeases(db, [forged], 1000)).toEqual(new Set());
      expect(await finish([forged])).toEqual(new Set());
      expect(await fail([forged])).toEqual([]);
      await db.query(`UPDATE attempt SET lease_until = now() - interval '1 second'`);
      expect(await expireAttempts(db, { stallMs: 60_000, limit: 10 })).toMatchObject([
        { state: 'expired', node },
      ]);
      expect(await states(job.id)).toEqual(['queued']);
      expect(await finish([attempt!])).toEqual(new Set());
      expect(await renewLeases(db, [attempt!], 1000)).toEqual(new Set());
      const [second] = await begin();
      expect(await finish([second!])).toEqual(new Set([second!.attempt]));
      expect(await finish([second!])).toEqual(new Set());
      expect((await tasksOfJob(db, job.id))[0]).toMatchObject({ accepted_attempt: second!.attempt });
    });

    it('lets no task have more live attempts than it may', async () => {
      await submit();
      const [attempt] = await begin();
      await expect(
        db.query('UPDATE task SET live = live + 1 WHERE id = $1', [attempt!.task]),
      ).rejects.toThrow(/check/i);
    });

    it('withdraws an offer that nobody answers, without blaming the task', async () => {
      const { job } = await submit();
      await claim(1, 0);
      await db.query(`UPDATE attempt SET lease_until = now() - interval '1 second'`);
      expect(await expireAttempts(db, { stallMs: 60_000, limit: 10 })).toMatchObject([
        { state: 'withdrawn' },
      ]);
      const [row] = await db.query('SELECT state, failures, attempts, live FROM task WHERE job = $1', [
        job.id,
      ]);
      expect(row).toEqual({ state: 'queued', failures: 0, attempts: 1, live: 0 });
    });

    it('takes an attempt back that goes no further', async () => {
      await submit();
      const [attempt] = await begin();
      await db.query(`UPDATE attempt SET moved_at = now() - interval '1 minute'`);
      await recordProgress(db, [{ ...attempt!, frames: 0, of: null, fps: 0, waits: false }]);
      expect(await expireAttempts(db, { stallMs: 30_000, limit: 10 })).toMatchObject([{ state: 'stalled' }]);
    });

    it('buries a task that fails everywhere, and its job with it, keeping the reason', async () => {
      const { job } = await submit(spec(2));
      for (let n = 0; n < MOST_FAILURES; n++) {
        const attempts = (await begin()).filter(({ source }) => source === 'in-0');
        expect(attempts).toHaveLength(1);
        await fail(attempts);
      }
      expect(await states(job.id)).toEqual(['dead', 'cancelled']);
      expect(await getJob(db, tenant, job.id)).toMatchObject({
        state: 'failed',
        error: { code: 'engine-fault', message: 'broke' },
      });
      expect(await retryJob(db, tenant, job.id)).toBe(true);
      expect(await states(job.id)).toEqual(['queued', 'queued']);
      await finish(await begin());
      expect(await getJob(db, tenant, job.id)).toMatchObject({ state: 'done', error: null });
    });

    it('does not try again what no other node could do better', async () => {
      const { job } = await submit();
      await fail(await begin(), false);
      expect(await states(job.id)).toEqual(['failed']);
      expect(await getJob(db, tenant, job.id)).toMatchObject({ state: 'failed' });
    });

    it('stops all of a job that is cancelled', async () => {
      const { job } = await submit(spec(3), { chain: true });
      const [attempt] = await begin();
      expect(await db.transaction((tx) => endJob(tx, job.id, 'cancelled', null))).toBe(true);
      expect(await db.transaction((tx) => endJob(tx, job.id, 'cancelled', null))).toBe(false);
      expect(await states(job.id)).toEqual(['cancelled', 'cancelled', 'cancelled']);
      expect(await finish([attempt!])).toEqual(new Set());
    });

    it('suspends a node that fails everything, and gives it another chance', async () => {
      await submit(spec(BREAKER_FAILURES));
      await fail(await begin());
      expect(await tripBreakers(db, [node])).toMatchObject([
        { id: node, state: 'suspended', suspensions: 1 },
      ]);
      expect(await endSuspensions(db)).toEqual([]);
      await db.query(`UPDATE node SET suspended_until = now() - interval '1 second'`);
      expect(await endSuspensions(db)).toEqual([node]);
      await finish(await begin());
      expect(await nodesById(db, [node])).toMatchObject([{ state: 'active', failures: 0, suspensions: 0 }]);
    });

    it('blames no node for what the job, the server or an origin did, and waits before it tries again', async () => {
      const { job } = await submit();
      await fail(await begin(), true, 'url-unreachable');
      expect(await nodesById(db, [node])).toMatchObject([{ failures: 0 }]);
      expect(await states(job.id)).toEqual(['queued']);
      expect(await claim()).toEqual([]);
      expect(await new Waiting(db).why(job.id)).toMatch(/^the last try failed; the next one is in \d s$/);
      await db.query(`UPDATE task SET wait_until = now()`);
      const [again] = await begin();
      await fail([again!], false, 'url-status');
      expect(await states(job.id)).toEqual(['failed']);
      expect(await nodesById(db, [node])).toMatchObject([{ failures: 0 }]);
    });

    it('says why a job waits', async () => {
      const why = async (more: Partial<JobSpec['placement']>) => {
        const placement = { ...spec().placement, ...more };
        const { job } = await submit(spec(1, { placement }));
        return new Waiting(db).why(job.id);
      };
      expect(await why({})).toBe('no node is connected');
      await connectNode(db, node, {
        ...{ session: 's', build: '1', slots: 1, speeds: {}, labels: ['big'], region: 'here', pause: null },
        capabilities: { ...CAPABILITIES, encode: { h264: 'software' } },
      });
      expect(await why({})).toBeNull();
      expect(await why({ labels: ['big'], region: 'here' })).toBeNull();
      expect(await why({ trust: 'trusted' })).toBe('none of the 1 node that is connected is trusted');
      expect(await why({ labels: ['big', 'red'] })).toBe(
        'none of the 1 node that is connected has label red',
      );
      expect(await why({ region: 'there' })).toBe('none of the 1 node that is connected is in region there');
      expect(await why({ backend: 'webgpu' })).toContain('has a GPU for backend webgpu');
      await db.query(`UPDATE node SET state = 'suspended'`);
      expect(await why({})).toBe('the node that could do it is suspended');
    });

    it('gives whoever runs it a token where there is none that is good, and another one when asked', async () => {
      const make = (another = false) => adminTokenIfNone(db, tenant, { another });
      expect(await make()).toBeNull();
      await db.query('UPDATE token SET revoked_at = now()');
      const first = await make();
      expect(await findToken(db, first!)).toMatchObject({ scope: 'admin', operator: true });
      expect(await make()).toBeNull();
      const other = await make(true);
      expect(await findToken(db, other!)).toMatchObject({ scope: 'admin' });
      await db.query(`UPDATE token SET expires_at = now() - interval '1 second'`);
      const both = await Promise.all([make(), make()]);
      expect(both.filter((one) => one !== null)).toHaveLength(1);
    });

    it('hears what is notified', async () => {
      let hear = (_payload: string) => {};
      const heard = new Promise<string>((resolve) => {
        hear = resolve;
      });
      await db.listen('edge_runner', (payload) => hear(payload));
      await submit();
      expect(JSON.parse(await heard)).toEqual({ what: 'queue' });
    });

    it('knows the capabilities that a node said last', async () => {
      const row = await connectNode(db, node, {
        ...{ session: 's', build: '1', slots: 2, speeds: { cpu: { detect: 30 } }, pause: null },
        ...{ labels: ['big', 'fast'], region: 'here' },
        capabilities: {
          ...{
            userAgent: 'a',
            secureContext: true,
            crossOriginIsolated: true,
            cores: 2,
            memoryGiB: null,
            jspi: true,
          },
          ...{ adapter: null, decode: {}, encode: {}, encoderClasses: {}, audioDecode: {} },
        },
      });
      expect(row).toMatchObject({ slots: 2, speeds: { cpu: { detect: 30 } }, capabilities: { cores: 2 } });
      expect(row).toMatchObject({ labels: ['big', 'fast'], region: 'here' });
    });
  });
});
