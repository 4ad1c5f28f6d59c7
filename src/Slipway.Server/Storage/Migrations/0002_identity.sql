-- People, what they may, whom projects trust, and the record of it all. Of every secret only a hash is stored.

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    -- Lower case; what people are invited by and sign in with.
    email         TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL DEFAULT '',
    -- PBKDF2, with its parameters; null for people who sign in through the identity provider.
    password_hash TEXT,
    created_at    INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE memberships (
    user_id         TEXT NOT NULL REFERENCES users (id),
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    role            TEXT NOT NULL CHECK (role IN ('viewer', 'member', 'owner')),
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (user_id, organization_id)
) WITHOUT ROWID;

CREATE INDEX memberships_by_organization ON memberships (organization_id);

-- Who a person is at the identity provider.
CREATE TABLE user_identities (
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    user_id    TEXT NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) WITHOUT ROWID;

-- A membership that waits for its person. Nobody gets one by knowing another organization's link.
CREATE TABLE invitations (
    email           TEXT NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    role            TEXT NOT NULL CHECK (role IN ('viewer', 'member', 'owner')),
    hash            TEXT NOT NULL UNIQUE,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    PRIMARY KEY (email, organization_id)
) WITHOUT ROWID;

CREATE TABLE sessions (
    hash         TEXT PRIMARY KEY,
    user_id      TEXT NOT NULL REFERENCES users (id),
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX sessions_by_user ON sessions (user_id);

-- One run of `depot login`. The client polls with one secret, the approval page has another.
CREATE TABLE logins (
    poll_hash  TEXT PRIMARY KEY,
    code_hash  TEXT NOT NULL UNIQUE,
    address    TEXT NOT NULL,
    client     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- Who approved it; the row goes when its token has been fetched, or when it was denied.
    user_id    TEXT REFERENCES users (id)
) WITHOUT ROWID;

ALTER TABLE tokens ADD COLUMN user_id TEXT REFERENCES users (id);

-- What an organization's token may do there; null is owner.
ALTER TABLE tokens ADD COLUMN role TEXT CHECK (role IN ('viewer', 'member', 'owner'));

CREATE INDEX tokens_by_user ON tokens (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE trust_policies (
    id             TEXT PRIMARY KEY,
    project_id     TEXT NOT NULL REFERENCES projects (id),
    provider       TEXT NOT NULL,
    issuer         TEXT NOT NULL,
    -- JSON: [{"claim", "operator", "values"}], all of which a token must meet.
    conditions     TEXT NOT NULL,
    -- JSON: the unchangeable ids that the first accepted token carried, by claim; later ones must carry the same.
    pins           TEXT NOT NULL DEFAULT '{}',
    -- Whether tokens for "https://depot.dev" count: the published client can ask for no other audience.
    depot_audience INTEGER NOT NULL DEFAULT 0,
    single_use     INTEGER NOT NULL DEFAULT 0,
    created_at     INTEGER NOT NULL,
    last_used_at   INTEGER,
    removed_at     INTEGER
) WITHOUT ROWID;

CREATE INDEX trust_policies_by_issuer ON trust_policies (issuer) WHERE removed_at IS NULL;
CREATE INDEX trust_policies_by_project ON trust_policies (project_id) WHERE removed_at IS NULL;

-- CI tokens that opened builds: each stays with the project that it was used for first.
CREATE TABLE oidc_uses (
    issuer     TEXT NOT NULL,
    -- The token's "jti", or its hash when it has none.
    token      TEXT NOT NULL,
    project_id TEXT NOT NULL,
    builds     INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, token)
) WITHOUT ROWID;

-- Each record's hash covers the one before: a changed, removed or inserted record breaks the chain.
CREATE TABLE audit (
    sequence        INTEGER PRIMARY KEY AUTOINCREMENT,
    at              INTEGER NOT NULL,
    actor           TEXT NOT NULL,
    actor_id        TEXT NOT NULL,
    address         TEXT NOT NULL,
    action          TEXT NOT NULL,
    outcome         TEXT NOT NULL CHECK (outcome IN ('ok', 'denied')),
    target          TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    project_id      TEXT NOT NULL,
    detail          TEXT NOT NULL,
    hash            TEXT NOT NULL
);

CREATE INDEX audit_by_organization ON audit (organization_id, sequence);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_never_cut BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
