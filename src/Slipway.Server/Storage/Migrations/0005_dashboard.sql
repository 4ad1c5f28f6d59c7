-- What the pages show beside what was there. What was made before says nothing.

-- People who may do everything on this server, at a browser; their terminals keep to their roles.
ALTER TABLE users ADD COLUMN operator INTEGER NOT NULL DEFAULT 0;

-- Who made it, as the audit log calls them.
ALTER TABLE tokens ADD COLUMN created_by TEXT NOT NULL DEFAULT '';
ALTER TABLE trust_policies ADD COLUMN created_by TEXT NOT NULL DEFAULT '';

-- JSON object: what the CI job's token says of the job, in words for people ("branch": "main").
ALTER TABLE builds ADD COLUMN origin TEXT NOT NULL DEFAULT '{}';

-- Refusals and changes of one project, newest first.
CREATE INDEX audit_by_project ON audit (project_id, sequence) WHERE project_id <> '';
