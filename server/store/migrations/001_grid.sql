-- What servers that share this database share besides its rows: the secret that signs addresses.
CREATE TABLE setting (
  name text PRIMARY KEY,
  value text NOT NULL
);

CREATE TABLE tenant (
  id text PRIMARY KEY,
  name text NOT NULL UNIQUE,
  -- The one whose nodes work for all tenants.
  operator boolean NOT NULL DEFAULT false,
  least_trust text NOT NULL CHECK (least_trust IN ('untrusted', 'trusted')),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX tenant_operator ON tenant (operator) WHERE operator;

CREATE TABLE token (
  id text PRIMARY KEY,
  tenant text NOT NULL REFERENCES tenant,
  name text NOT NULL,
  scope text NOT NULL CHECK (scope IN ('admin', 'submit', 'read', 'enrol')),
  -- sha256 of the whole token, hex.
  hash text NOT NULL UNIQUE,
  labels text[] NOT NULL DEFAULT '{}',
  region text,
  trust text NOT NULL CHECK (trust IN ('untrusted', 'trusted')),
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);

CREATE TABLE node (
  id text PRIMARY KEY,
  tenant text NOT NULL REFERENCES tenant,
  name text NOT NULL,
  host text NOT NULL CHECK (host IN ('tab', 'headless')),
  -- sha256 of its credential, hex.
  hash text NOT NULL UNIQUE,
  enrolled_by text NOT NULL REFERENCES token,
  trust text NOT NULL CHECK (trust IN ('untrusted', 'trusted')),
  region text,
  labels text[] NOT NULL DEFAULT '{}',
  -- What the node says of itself, besides what its token says of it.
  said_labels text[] NOT NULL DEFAULT '{}',
  said_region text,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'draining', 'disabled', 'suspended')),
  reason text,
  suspended_until timestamptz,
  -- How often in a row it was suspended: each time for longer.
  suspensions integer NOT NULL DEFAULT 0,
  -- Attempts that failed since the last one that did not.
  failures integer NOT NULL DEFAULT 0,
  capabilities jsonb,
  speeds jsonb NOT NULL DEFAULT '{}',
  slots integer NOT NULL DEFAULT 1,
  build text,
  -- Of the connection that speaks for it now; an older one that is still open has nothing to say.
  session text,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_seen timestamptz,
  revoked_at timestamptz
-- When it was last seen is written down in its own page as well.
) WITH (fillfactor = 80);

CREATE TABLE upload (
  id text PRIMARY KEY,
  tenant text NOT NULL REFERENCES tenant,
  created_by text NOT NULL REFERENCES token,
  name text NOT NULL,
  bytes bigint,
  done boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE job (
  id text PRIMARY KEY,
  tenant text NOT NULL REFERENCES tenant,
  submitter text NOT NULL REFERENCES token,
  -- The client's own name of it: the same again is the same job.
  key text,
  spec jsonb NOT NULL,
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
  priority integer NOT NULL,
  error jsonb,
  position bigint GENERATED ALWAYS AS IDENTITY,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  ended_at timestamptz,
  UNIQUE (tenant, key)
);
CREATE INDEX job_of_tenant ON job (tenant, position DESC);
CREATE INDEX job_ended ON job (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE task (
  id text PRIMARY KEY,
  job text NOT NULL REFERENCES job ON DELETE CASCADE,
  tenant text NOT NULL,
  -- Fair share is between submitters.
  submitter text NOT NULL,
  ordinal integer NOT NULL,
  kind text NOT NULL CHECK (kind IN ('process')),
  source text NOT NULL,
  -- What a node must have; tasks of one key are alike to the scheduler.
  needs jsonb NOT NULL,
  needs_key text NOT NULL,
  priority integer NOT NULL,
  position bigint GENERATED ALWAYS AS IDENTITY,
  state text NOT NULL CHECK (state IN ('blocked', 'queued', 'leased', 'done', 'failed', 'dead', 'cancelled')),
  live integer NOT NULL DEFAULT 0,
  max_live integer NOT NULL DEFAULT 1,
  attempts integer NOT NULL DEFAULT 0,
  failures integer NOT NULL DEFAULT 0,
  accepted_attempt text,
  outcome jsonb,
  error jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  UNIQUE (job, ordinal),
  CHECK (live BETWEEN 0 AND max_live),
  CHECK ((state = 'done') = (accepted_attempt IS NOT NULL))
);
-- The scheduler walks from lane to lane, and takes the first few of each.
CREATE INDEX task_queue ON task (needs_key, submitter, priority DESC, position) WHERE state = 'queued';
CREATE INDEX task_leased ON task (submitter) WHERE state = 'leased';
CREATE INDEX task_open ON task (job) WHERE state NOT IN ('done', 'failed', 'dead', 'cancelled');

CREATE TABLE task_dep (
  task text NOT NULL REFERENCES task ON DELETE CASCADE,
  needs text NOT NULL REFERENCES task ON DELETE CASCADE,
  PRIMARY KEY (task, needs)
);
CREATE INDEX task_dep_needs ON task_dep (needs);

CREATE TABLE attempt (
  id text PRIMARY KEY,
  task text NOT NULL REFERENCES task ON DELETE CASCADE,
  job text NOT NULL,
  n integer NOT NULL,
  node text NOT NULL REFERENCES node,
  lease text NOT NULL,
  state text NOT NULL CHECK (state IN ('offered', 'leased', 'done', 'superseded', 'failed', 'expired', 'stalled',
    'withdrawn', 'rejected', 'returned', 'cancelled')),
  lease_until timestamptz NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  accepted_at timestamptz,
  -- When it last got any further.
  moved_at timestamptz,
  ended_at timestamptz,
  frames integer NOT NULL DEFAULT 0,
  expected integer,
  fps real NOT NULL DEFAULT 0,
  error jsonb,
  UNIQUE (task, n)
-- Progress rewrites rows in their own page, where there is room, and leaves every index alone.
) WITH (fillfactor = 60);
CREATE INDEX attempt_live ON attempt (lease_until) WHERE state IN ('offered', 'leased');
CREATE INDEX attempt_of_node ON attempt (node) WHERE state IN ('offered', 'leased');
CREATE INDEX attempt_of_job ON attempt (job) WHERE state IN ('offered', 'leased');

-- A file that an attempt wrote; it counts when the attempt is accepted.
CREATE TABLE blob (
  id text PRIMARY KEY,
  tenant text NOT NULL,
  job text NOT NULL REFERENCES job ON DELETE CASCADE,
  task text NOT NULL REFERENCES task ON DELETE CASCADE,
  attempt text NOT NULL,
  output text NOT NULL,
  name text NOT NULL,
  bytes bigint NOT NULL,
  -- sha256 of each part, hex.
  parts jsonb NOT NULL,
  index_at_end boolean NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (attempt, output, name)
);
CREATE INDEX blob_of_task ON blob (task);
CREATE INDEX blob_of_job ON blob (job);

CREATE TABLE event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job text NOT NULL REFERENCES job ON DELETE CASCADE,
  task integer,
  attempt text,
  node text,
  type text NOT NULL,
  data jsonb NOT NULL DEFAULT '{}',
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX event_of_job ON event (job, id);

CREATE TABLE audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text NOT NULL REFERENCES tenant,
  token text NOT NULL,
  by_name text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  data jsonb NOT NULL DEFAULT '{}',
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audit_of_tenant ON audit (tenant, id DESC);
