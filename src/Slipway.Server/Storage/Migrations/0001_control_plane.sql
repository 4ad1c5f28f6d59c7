-- Times are Unix milliseconds. Ids are random texts. Only hashes of tokens are stored.

CREATE TABLE organizations (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE projects (
    id               TEXT PRIMARY KEY,
    organization_id  TEXT NOT NULL REFERENCES organizations (id),
    name             TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    deleted_at       INTEGER,
    cache_keep_bytes INTEGER NOT NULL DEFAULT 0,
    cache_keep_days  INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE INDEX projects_by_organization ON projects (organization_id, name);

CREATE TABLE builders (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    removed_at     INTEGER,
    draining       INTEGER NOT NULL DEFAULT 0,
    version        TEXT NOT NULL DEFAULT '',
    architectures  TEXT NOT NULL DEFAULT '',
    engine_kind    TEXT NOT NULL DEFAULT '',
    engine_version TEXT NOT NULL DEFAULT '',
    address        TEXT NOT NULL DEFAULT '',
    last_seen_at   INTEGER
) WITHOUT ROWID;

CREATE TABLE builds (
    id          TEXT PRIMARY KEY,
    project_id  TEXT NOT NULL REFERENCES projects (id),
    -- 1 running, 2 finished, 3 failed, 4 canceled: depot.cli.v1.BuildStatus.
    status      INTEGER NOT NULL CHECK (status BETWEEN 1 AND 4),
    reason      TEXT NOT NULL DEFAULT '',
    -- client, builder or server: who said that the build is over.
    ended_by    TEXT CHECK (ended_by IN ('client', 'builder', 'server')),
    tags        TEXT NOT NULL DEFAULT '[]',
    started_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER,
    CHECK ((status = 1) = (finished_at IS NULL))
);

CREATE INDEX builds_by_project ON builds (project_id, created_at DESC, id DESC);
CREATE INDEX builds_by_age ON builds (created_at);
CREATE INDEX builds_running ON builds (created_at) WHERE status = 1;

CREATE TABLE tokens (
    id              TEXT PRIMARY KEY,
    hash            TEXT NOT NULL UNIQUE,
    kind            TEXT NOT NULL,
    name            TEXT NOT NULL,
    organization_id TEXT REFERENCES organizations (id),
    project_id      TEXT REFERENCES projects (id),
    build_id        TEXT REFERENCES builds (id),
    builder_id      TEXT REFERENCES builders (id),
    -- A join token that enrols many builders until it expires.
    reusable        INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL,
    expires_at      INTEGER,
    last_used_at    INTEGER,
    revoked_at      INTEGER
) WITHOUT ROWID;

CREATE INDEX tokens_by_build ON tokens (build_id) WHERE build_id IS NOT NULL;
CREATE INDEX tokens_by_builder ON tokens (builder_id) WHERE builder_id IS NOT NULL;

-- One run of one engine: (project, architecture) on one builder.
CREATE TABLE leases (
    id           TEXT PRIMARY KEY,
    project_id   TEXT NOT NULL REFERENCES projects (id),
    architecture TEXT NOT NULL,
    builder_id   TEXT NOT NULL REFERENCES builders (id),
    server_name  TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    ended_at     INTEGER
) WITHOUT ROWID;

CREATE UNIQUE INDEX leases_live ON leases (builder_id, project_id, architecture) WHERE ended_at IS NULL;

-- Which engine a build was let in on, and what its builder saw of it.
CREATE TABLE admissions (
    build_id      TEXT NOT NULL REFERENCES builds (id),
    architecture  TEXT NOT NULL,
    lease_id      TEXT NOT NULL REFERENCES leases (id),
    builder_id    TEXT NOT NULL REFERENCES builders (id),
    admitted_at   INTEGER NOT NULL,
    connected_at  INTEGER,
    -- slipway.fleet.v1.BuildEnded.Outcome; null while the build runs.
    outcome       INTEGER,
    error         TEXT NOT NULL DEFAULT '',
    ended_at      INTEGER,
    last_sequence INTEGER,
    PRIMARY KEY (build_id, architecture)
) WITHOUT ROWID;

CREATE INDEX admissions_by_builder ON admissions (builder_id, admitted_at);

CREATE TABLE caches (
    builder_id    TEXT NOT NULL REFERENCES builders (id),
    project_id    TEXT NOT NULL,
    architecture  TEXT NOT NULL,
    -- The project's cache is to be thrown away as soon as the builder is there to do it.
    reset_pending INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (builder_id, project_id, architecture)
) WITHOUT ROWID;

CREATE INDEX caches_by_project ON caches (project_id);

-- How far the records of a (build, architecture) are stored; moves in the transaction that stores them.
CREATE TABLE record_cursors (
    build_id      TEXT NOT NULL REFERENCES builds (id),
    architecture  TEXT NOT NULL,
    sequence      INTEGER NOT NULL,
    log_bytes     INTEGER NOT NULL DEFAULT 0,
    lines_dropped INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (build_id, architecture)
) WITHOUT ROWID;

CREATE TABLE steps (
    build_id     TEXT NOT NULL,
    architecture TEXT NOT NULL,
    digest       TEXT NOT NULL,
    -- The record that named the step first: the order in which people read steps.
    sequence     INTEGER NOT NULL,
    name         TEXT NOT NULL,
    cached       INTEGER NOT NULL,
    started_at   INTEGER,
    completed_at INTEGER,
    error        TEXT NOT NULL DEFAULT '',
    inputs       TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (build_id, architecture, digest)
) WITHOUT ROWID;

CREATE TABLE log_lines (
    build_id     TEXT NOT NULL,
    architecture TEXT NOT NULL,
    sequence     INTEGER NOT NULL,
    step_digest  TEXT NOT NULL,
    at           INTEGER NOT NULL,
    stream       INTEGER NOT NULL,
    line         BLOB NOT NULL,
    PRIMARY KEY (build_id, architecture, sequence)
) WITHOUT ROWID;

CREATE TABLE warnings (
    build_id     TEXT NOT NULL,
    architecture TEXT NOT NULL,
    sequence     INTEGER NOT NULL,
    step_digest  TEXT NOT NULL,
    level        INTEGER NOT NULL,
    text         TEXT NOT NULL,
    detail       TEXT NOT NULL DEFAULT '[]',
    url          TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (build_id, architecture, sequence)
) WITHOUT ROWID;
