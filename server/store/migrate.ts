import type { Database } from './database.ts';
import grid from './migrations/001_grid.sql?raw';
import wait from './migrations/002_wait.sql?raw';
import faces from './migrations/003_faces.sql?raw';
import segments from './migrations/004_segments.sql?raw';
import sound from './migrations/005_sound.sql?raw';
import modified from './migrations/006_modified.sql?raw';
import streams from './migrations/007_streams.sql?raw';

interface Migration {
  id: number;
  sql: string;
}

/** In order; one that was released is never changed. */
const MIGRATIONS: readonly Migration[] = [
  { id: 1, sql: grid },
  { id: 2, sql: wait },
  { id: 3, sql: faces },
  { id: 4, sql: segments },
  { id: 5, sql: sound },
  { id: 6, sql: modified },
  { id: 7, sql: streams },
];

/** Any number: servers that start at once on one database wait for each other on it. */
const LOCK = 7_310_452;

/**
 * Brings the database up to date, each step whole or not at all. Steps that others have taken meanwhile are seen.
 * @throws when the database is of a newer build.
 */
export async function migrate(database: Database, migrations = MIGRATIONS): Promise<void> {
  await database.transaction(async (queries) => {
    await queries.query(`SELECT pg_advisory_xact_lock(${LOCK})`);
    await queries.query(
      'CREATE TABLE IF NOT EXISTS migration (id integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
    );
    const applied = await queries.query<{ id: number }>('SELECT id FROM migration ORDER BY id');
    const newest = applied.at(-1)?.id ?? 0;
    const known = migrations.at(-1)?.id ?? 0;
    if (newest > known) throw new NewerDatabase(newest, known);
    for (const { id, sql } of migrations.filter((migration) => migration.id > newest)) {
      for (const statement of statementsOf(sql)) await queries.query(statement);
      await queries.query('INSERT INTO migration (id) VALUES ($1)', [id]);
    }
  });
}

/** The database was brought further by a newer build than this one. */
export class NewerDatabase extends Error {
  constructor(newest: number, known: number) {
    super(`the database is at step ${newest}, this build knows steps up to ${known}`);
    this.name = 'NewerDatabase';
  }
}

/** Our migrations have no semicolon but at the end of a statement. */
const statementsOf = (sql: string): string[] =>
  sql
    .replace(/^\s*--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
