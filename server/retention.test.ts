import { pino } from 'pino';
import { expect, it } from 'vitest';
import { Retention } from './retention.ts';
import { listStreams, publishStream } from './store/streams.ts';
import { operatorTenant } from './store/tenants.ts';
import { ENGINES } from './store/testing.ts';

it('forgets streams that nobody has published for a month', async () => {
  const test = await ENGINES[0]!.open();
  const { database: db } = test;
  try {
    const tenant = (await operatorTenant(db)).id;
    for (const [name, days] of [
      ['old', 31],
      ['young', 29],
      ['live', 31],
    ] as const) {
      const of = {
        title: '',
        direction: 'out',
        maxViewers: 3,
        session: name,
        token: '',
        connection: name,
      } as const;
      await publishStream(db, { tenant, name, ...of }, 30_000);
      await db.query(
        `UPDATE stream SET seen_at = now() - $2 * interval '1 day', state = CASE name WHEN 'live' THEN 'live' ELSE 'idle' END
         WHERE name = $1`,
        [name, days],
      );
    }
    const nothing = { remove: async () => {}, forget: async () => {} } as never;
    const log = pino({ level: 'silent' });
    await new Retention({ db, blobs: nothing, uploads: nothing, log, keepSeconds: null }).sweep();
    expect((await listStreams(db, tenant)).map(({ name }) => name)).toEqual(['live', 'young']);
  } finally {
    await test.close();
  }
});
