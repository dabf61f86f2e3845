-- Sources that are cut: one task looks at them, several work at their segments, one joins what comes of it. Where objects are
-- followed and drawn, one follows them through all that was found, and several draw them, in between.
ALTER TABLE task DROP CONSTRAINT task_kind_check;
ALTER TABLE task ADD CONSTRAINT task_kind_check CHECK (kind IN ('probe', 'process', 'follow', 'render', 'stitch'));
ALTER TABLE task ADD COLUMN segment jsonb;

-- Null where a server does it itself.
ALTER TABLE attempt ALTER COLUMN node DROP NOT NULL;

-- Waits to be joined: no file of the job's.
ALTER TABLE blob ADD COLUMN part boolean NOT NULL DEFAULT false;

-- What an address held when it was read first: of two versions of a file nobody makes one.
CREATE TABLE source_mark (
  job text NOT NULL REFERENCES job ON DELETE CASCADE,
  source text NOT NULL,
  etag text,
  bytes bigint,
  PRIMARY KEY (job, source)
);

-- What a node did last.
CREATE INDEX attempt_by_node ON attempt (node, started_at DESC);
