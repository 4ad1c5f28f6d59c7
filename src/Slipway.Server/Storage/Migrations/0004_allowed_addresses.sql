-- Networks that a token or a relationship's jobs may call from, with commas between; empty: anywhere. The previous release, should it come back, does not ask.
ALTER TABLE tokens ADD COLUMN allowed_from TEXT NOT NULL DEFAULT '';
ALTER TABLE trust_policies ADD COLUMN allowed_from TEXT NOT NULL DEFAULT '';
