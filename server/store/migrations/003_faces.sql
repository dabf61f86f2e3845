-- What a node is made of, how it fares, and why it takes nothing of its own accord.
ALTER TABLE node ADD COLUMN device jsonb;
ALTER TABLE node ADD COLUMN load jsonb;
ALTER TABLE node ADD COLUMN pause jsonb;

-- What people call it.
ALTER TABLE job ADD COLUMN title text NOT NULL DEFAULT '';
CREATE INDEX job_of_state ON job (tenant, state, position DESC);

-- Attempts that were given back: they speak against nobody, not against the task either.
ALTER TABLE task ADD COLUMN returned integer NOT NULL DEFAULT 0;

-- The token that a browser was logged in with: its session ends with it.
ALTER TABLE token ADD COLUMN parent text REFERENCES token;

-- Of links that log a browser in once.
CREATE TABLE login (
  -- sha256 of the code, hex.
  hash text PRIMARY KEY,
  tenant text NOT NULL REFERENCES tenant,
  scope text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
