-- Who may publish live streams, and who may watch them.
ALTER TABLE token DROP CONSTRAINT token_scope_check;
ALTER TABLE token ADD CONSTRAINT token_scope_check
  CHECK (scope IN ('admin', 'submit', 'read', 'enrol', 'publish', 'view'));

-- A live stream of a tab: its media goes to viewers without us.
CREATE TABLE stream (
  id text PRIMARY KEY,
  tenant text NOT NULL REFERENCES tenant,
  -- Whoever publishes by this name again publishes this stream.
  name text NOT NULL,
  title text NOT NULL DEFAULT '',
  -- Whether the tab sends, or receives.
  direction text NOT NULL CHECK (direction IN ('out', 'in')),
  state text NOT NULL CHECK (state IN ('live', 'idle')),
  max_viewers integer NOT NULL,
  -- Those alive: what the cap is held against. Lowered, the cap may be below it.
  viewers integer NOT NULL DEFAULT 0 CHECK (viewers >= 0),
  banner jsonb,
  banner_revision integer NOT NULL DEFAULT 0,
  -- sha256 of the tab's own key, hex.
  publisher_session text NOT NULL,
  -- The token that it publishes with.
  publisher_token text NOT NULL,
  -- Of the connection that speaks for the tab now; an older one that is still open has nothing to say.
  connection text,
  created_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant, name)
);
CREATE INDEX stream_live ON stream (seen_at) WHERE state = 'live';

-- Somebody who watches a stream, or sends to one, from the offer to the end.
CREATE TABLE viewer (
  id text PRIMARY KEY,
  stream text NOT NULL REFERENCES stream ON DELETE CASCADE,
  tenant text NOT NULL,
  -- The token that it came with.
  token text NOT NULL,
  -- Of the tab that it was asked for: another one that takes the stream over knows nothing of it.
  publisher_session text NOT NULL,
  state text NOT NULL CHECK (state IN ('asked', 'answered', 'refused', 'ended')),
  -- Descriptions name addresses of people: the offer until it is answered, the answer until the end.
  offer text,
  answer text,
  -- Why the tab refused it, in its words.
  reason text,
  asked_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz
);
CREATE INDEX viewer_alive ON viewer (stream) WHERE state IN ('asked', 'answered');
CREATE INDEX viewer_ended ON viewer (ended_at) WHERE ended_at IS NOT NULL;
