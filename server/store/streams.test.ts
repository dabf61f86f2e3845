import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MOST_STREAMS } from '../../protocol/index.ts';
import type { Database } from './database.ts';
import { newId } from './ids.ts';
import { CHANNEL } from './notify.ts';
import {
  deleteIdleStreams,
  deleteStream,
  endSilentStreams,
  extendStreams,
  leaveStream,
  listStreams,
  publishStream,
  type StreamRow,
  setBanner,
  standingsOf,
  touchStreams,
} from './streams.ts';
import { createToken, operatorTenant } from './tenants.ts';
import { ENGINES, emptyTables, stopPostgres, type TestDatabase } from './testing.ts';
import {
  answerViewer,
  askForStream,
  deleteOldViewers,
  dropViewer,
  endLateViewers,
  endViewer,
  findViewer,
} from './viewers.ts';

const TTL = 30_000;

afterAll(stopPostgres);

describe.each(ENGINES)('on $name', ({ here, open }) => {
  describe.runIf(here)('streams', () => {
    let test: TestDatabase;
    let db: Database;
    let tenant: string;
    let token: string;

    beforeAll(async () => {
      test = await open();
      db = test.database;
    });
    afterAll(() => test.close());
    beforeEach(async () => {
      await emptyTables(db);
      tenant = (await operatorTenant(db)).id;
      token = (await createToken(db, tenant, { name: 'a', scope: 'publish', labels: [], trust: 'untrusted' }))
        .row.id;
    });

    const publish = (more: object = {}) =>
      publishStream(
        db,
        {
          ...{ tenant, token, name: 'show', title: '', direction: 'out', maxViewers: 3 },
          ...{ session: 'one', connection: 'c1', ...more },
        },
        TTL,
      );
    const ask = async (stream: string, more: object = {}) => {
      const id = newId('v');
      const asking = { id, stream, tenant, token, direction: 'out', offer: 'an offer', ...more } as const;
      return (await askForStream(db, asking)) ? id : null;
    };
    const row = async () => (await listStreams(db, tenant))[0]!;
    const stateOf = async (stream: string, id: string) =>
      (await findViewer(db, { tenant, stream, id }))?.state;
    const silence = (seconds: number) =>
      db.query(`UPDATE stream SET seen_at = now() - $1 * interval '1 second'`, [seconds]);

    it('are taken over by another tab only when theirs has been silent for long', async () => {
      const first = (await publish()) as StreamRow;
      expect(await publish({ session: 'two', connection: 'c2' })).toBe('taken');
      expect(await publish({ connection: 'c3' })).toMatchObject({ id: first.id, connection: 'c3' });
      await silence(29);
      expect(await publish({ session: 'two', connection: 'c2' })).toBe('taken');
      await silence(31);
      const viewer = (await ask(first.id))!;
      expect(await publish({ session: 'two', connection: 'c2' })).toMatchObject({
        ...{ id: first.id, connection: 'c2' },
      });
      // Whoever watched the other tab.
      expect(await stateOf(first.id, viewer)).toBe('ended');
      expect((await row()).viewers).toBe(0);
    });

    it('go on as the one that a tab has had, or not at all', async () => {
      const { id } = (await publish()) as StreamRow;
      expect(await publish({ stream: id })).toMatchObject({ id });
      await deleteStream(db, tenant, id);
      expect(await publish({ stream: id })).toBe('deleted');
      const other = (await publish({ session: 'two' })) as StreamRow;
      expect(await publish({ stream: id })).toBe('deleted');
      expect(await publish({ session: 'two', stream: other.id })).toMatchObject({ id: other.id });
    });

    it('are so many of a tenant, and no more, however many tabs ask at once', async () => {
      const { id } = (await publish()) as StreamRow;
      await db.query(
        `INSERT INTO stream (id, tenant, name, direction, state, max_viewers, publisher_session, publisher_token)
         SELECT 's_' || i, $1, 'other-' || i, 'out', 'idle', 8, '', '' FROM generate_series(1, $2::int) AS i`,
        [tenant, MOST_STREAMS - 3],
      );
      const asked = Array.from({ length: 5 }, (_, i) => publish({ name: `new-${i}`, session: `${i}` }));
      expect((await Promise.all(asked)).filter((one) => one !== 'too-many')).toHaveLength(2);
      // Those that there are go on.
      expect(await publish()).toMatchObject({ id });
      expect(await publish({ name: 'other-1' })).toMatchObject({ id: 's_1' });
    });

    it('are forgotten when nobody has published them for long, with their viewers', async () => {
      const { id } = (await publish()) as StreamRow;
      const viewer = (await ask(id))!;
      await silence(100);
      expect(await deleteIdleStreams(db, 60, 10)).toEqual([]);
      await endSilentStreams(db, TTL);
      expect(await deleteIdleStreams(db, 110, 10)).toEqual([]);
      expect(await deleteIdleStreams(db, 60, 10)).toEqual([id]);
      expect([await listStreams(db, tenant), await stateOf(id, viewer)]).toEqual([[], undefined]);
    });

    it('are published by one of many tabs that try at once', async () => {
      const tries = Array.from({ length: 10 }, (_, i) => publish({ session: `${i}`, connection: `c${i}` }));
      expect((await Promise.all(tries)).filter((one) => one !== 'taken')).toHaveLength(1);
    });

    it('let in as many as they may, of many who ask at once, and one for each that goes', async () => {
      const { id } = (await publish()) as StreamRow;
      const asked = await Promise.all(Array.from({ length: 12 }, () => ask(id)));
      const inside = asked.filter((viewer) => viewer !== null);
      expect(inside).toHaveLength(3);
      const ended = await Promise.all(Array.from({ length: 4 }, () => endViewer(db, inside[0]!)));
      expect(ended.filter(Boolean)).toHaveLength(1);
      expect((await row()).viewers).toBe(2);
      expect((await Promise.all(Array.from({ length: 4 }, () => ask(id)))).filter(Boolean)).toHaveLength(1);
      // Lowered, the cap lets nobody in until enough have gone.
      await publish({ maxViewers: 1 });
      expect(await ask(id)).toBeNull();
      expect(await ask(id, { direction: 'in' })).toBeNull();
      expect(await ask(id, { tenant: 'another' })).toBeNull();
    });

    it('hear from the connection that speaks for them, and from no other', async () => {
      const { id } = (await publish()) as StreamRow;
      const viewer = (await ask(id))!;
      const old = { stream: id, connection: 'c0' };
      const now = { stream: id, connection: 'c1' };
      expect(await answerViewer(db, old, viewer, 'an answer')).toBe(false);
      expect(await dropViewer(db, old, viewer, 'no')).toEqual([]);
      expect(await setBanner(db, { tenant, id, connection: 'c0' }, { v: 1, layers: [] })).toBeNull();
      await leaveStream(db, { id, connection: 'c0', heard: true });
      expect((await row()).connection).toBe('c1');
      expect(await answerViewer(db, now, viewer, 'an answer')).toBe(true);
      expect(await answerViewer(db, now, viewer, 'another')).toBe(false);
      expect(await findViewer(db, { tenant, stream: id, id: viewer })).toMatchObject({ answer: 'an answer' });
      expect(await dropViewer(db, now, viewer, null)).toEqual([viewer]);
      expect(await setBanner(db, { tenant, id, connection: 'c1' }, { v: 1, layers: [] })).toMatchObject({
        revision: 1,
      });
    });

    it('are idle after so long a silence, whoever they were connected to, and their viewers end', async () => {
      const { id } = (await publish()) as StreamRow;
      const viewer = (await ask(id))!;
      await silence(31);
      await touchStreams(db, ['c1']);
      expect(await endSilentStreams(db, TTL)).toEqual([]);
      await silence(31);
      // A server that starts gives them one ttl more.
      await extendStreams(db);
      expect(await endSilentStreams(db, TTL)).toEqual([]);
      await silence(31);
      expect(await endSilentStreams(db, TTL)).toEqual([id]);
      expect(await ask(id)).toBeNull();
      expect(await endLateViewers(db, 10_000)).toEqual([viewer]);
      expect(await row()).toMatchObject({ state: 'idle', viewers: 0, connection: null });
    });

    it('lose viewers that nobody answered, and those whose token is good no more', async () => {
      const { id } = (await publish()) as StreamRow;
      const late = (await ask(id))!;
      await db.query(`UPDATE viewer SET asked_at = now() - interval '11 seconds'`);
      const fresh = (await ask(id))!;
      expect(await endLateViewers(db, 10_000)).toEqual([late]);
      expect((await standingsOf(db, [id]))[0]).toMatchObject({ viewers: [fresh], good: true });
      await db.query('UPDATE token SET revoked_at = now()');
      expect(await endLateViewers(db, 10_000)).toEqual([fresh]);
      expect((await standingsOf(db, [id]))[0]).toMatchObject({ viewers: [], good: false });
      expect((await row()).viewers).toBe(0);
    });

    it('forget what was said when it is of no more use, and who left long ago', async () => {
      const { id } = (await publish()) as StreamRow;
      const [gone, here] = [(await ask(id))!, (await ask(id))!];
      const kept = async () =>
        (
          await db.query<{ said: string | null }>(
            'SELECT concat(offer, answer) AS said FROM viewer WHERE id = $1',
            [gone],
          )
        )[0];
      expect(await kept()).toEqual({ said: 'an offer' });
      await answerViewer(db, { stream: id, connection: 'c1' }, gone, 'an answer');
      expect(await kept()).toEqual({ said: 'an answer' });
      await endViewer(db, gone);
      expect(await kept()).toEqual({ said: '' });
      expect(await deleteOldViewers(db, 60, 10)).toBe(0);
      await db.query(`UPDATE viewer SET ended_at = ended_at - interval '2 minutes'`);
      expect(await deleteOldViewers(db, 60, 10)).toBe(1);
      expect([await stateOf(id, gone), await stateOf(id, here)]).toEqual([undefined, 'asked']);
    });

    it('are told of by notices that hold ids only, whatever is in an offer', async () => {
      const heard: string[] = [];
      await db.listen(CHANNEL, (payload) => heard.push(payload));
      const { id } = (await publish()) as StreamRow;
      const viewer = (await ask(id, { offer: 'x'.repeat(60_000) }))!;
      await answerViewer(db, { stream: id, connection: 'c1' }, viewer, 'y'.repeat(60_000));
      await setBanner(db, { tenant, id }, { v: 1, layers: [] });
      const wanted = [
        ...[id, id, id].map((one) => JSON.stringify({ what: 'stream', id: one })),
        JSON.stringify({ what: 'viewer', id: viewer }),
      ];
      await expect.poll(() => heard.toSorted()).toEqual(wanted.toSorted());
    });
  });
});
