-- What a build saves in the registry (CreateBuildRequest's options as JSON, without outputs); NULL for a build that saves nothing.
ALTER TABLE builds ADD COLUMN saved TEXT;

CREATE INDEX builds_saved ON builds (project_id, created_at DESC) WHERE saved IS NOT NULL;
