-- What the events platform's API keeps for itself. Idempotent: run by a superuser of the database `platform`.
-- Secrets are stored as digests only: a copy of these tables opens nothing.
CREATE SCHEMA IF NOT EXISTS platform_api;

-- One row per event that the API serves. role_name is the role that the API takes (SET LOCAL ROLE) for the event.
CREATE TABLE IF NOT EXISTS platform_api.endpoints (
    slug          text PRIMARY KEY CHECK (slug ~ '^[a-z][a-z0-9_]{2,30}$'),
    schema_name   text NOT NULL UNIQUE,
    role_name     text NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT now()
);

-- No foreign key to endpoints: each is taken down by itself, and what is left over must stay visible.
CREATE TABLE IF NOT EXISTS platform_api.accounts (
    account_id    text PRIMARY KEY,
    slug          text NOT NULL,
    email         text NOT NULL,
    name          text NOT NULL,
    language      text NOT NULL CHECK (language IN ('ko', 'en')),
    username      text NOT NULL UNIQUE,
    password_hash text,                       -- scrypt; NULL until the hand-over
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (slug, email)
);

-- One-time links: a row can be used once, until it expires or a newer one voids it.
CREATE TABLE IF NOT EXISTS platform_api.handovers (
    token_hash bytea PRIMARY KEY,
    account_id text NOT NULL REFERENCES platform_api.accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    voided_at  timestamptz
);
CREATE INDEX IF NOT EXISTS handovers_account_id_idx ON platform_api.handovers (account_id);

-- Bearer tokens of events. The role belongs to the token, never to the address that is asked for.
CREATE TABLE IF NOT EXISTS platform_api.tokens (
    token_hash bytea PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('account', 'probe', 'session')),
    slug       text NOT NULL,
    role_name  text NOT NULL,
    account_id text REFERENCES platform_api.accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    CHECK ((kind = 'probe') = (account_id IS NULL))
);
CREATE INDEX IF NOT EXISTS tokens_account_id_idx ON platform_api.tokens (account_id);
CREATE INDEX IF NOT EXISTS tokens_slug_idx ON platform_api.tokens (slug);

GRANT USAGE ON SCHEMA platform_api TO platform_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA platform_api TO platform_api;
