/** Rows of one statement. Parameters are `$1`, `$2`, …; JSON goes in as text and is cast there. */
export interface Queries {
  query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>;
}

/**
 * The database: PGlite in a folder, or PostgreSQL. Both speak the same SQL, and every query of ours is written once.
 * Times come back as `Date`, `bigint` as `number`.
 */
export interface Database extends Queries {
  /** In words, without secrets. */
  readonly name: string;
  /** Whether other servers may be on it too. */
  readonly shared: boolean;
  /** @param work may be done again when it lost to another transaction: it has no effect but on the database. */
  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T>;
  /** Several statements without parameters. */
  script(sql: string): Promise<void>;
  /** Hears what any server on this database notifies, itself included. */
  listen(channel: string, hear: (payload: string) => void): Promise<void>;
  close(): Promise<void>;
}
