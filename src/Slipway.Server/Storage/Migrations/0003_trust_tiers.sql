-- How far a relationship's builds are trusted: 'claims' asks the token. What was trusted before goes on so.
ALTER TABLE trust_policies ADD COLUMN tier TEXT NOT NULL DEFAULT 'trusted' CHECK (tier IN ('trusted', 'untrusted', 'claims'));

-- An untrusted build uses an engine and a cache of its own kind.
ALTER TABLE builds ADD COLUMN untrusted INTEGER NOT NULL DEFAULT 0;
