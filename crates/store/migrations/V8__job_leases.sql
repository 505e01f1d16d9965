-- The recurring jobs: who may run each, and how its last run went. The token grows with every lease, so that what an
-- earlier holder still writes can be refused.
CREATE TABLE jobs (
    name TEXT PRIMARY KEY,
    holder TEXT,
    token INTEGER NOT NULL,
    leased_until INTEGER,
    leased_at INTEGER,
    started_at INTEGER,
    ended_at INTEGER,
    outcome TEXT,
    detail TEXT NOT NULL DEFAULT '',
    runs INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Earlier secrets of rotated keys, which are valid for some more time.
CREATE TABLE retired_secrets (
    digest BLOB PRIMARY KEY,
    key_id BLOB NOT NULL REFERENCES user_keys (id) ON DELETE CASCADE,
    hint TEXT NOT NULL,
    valid_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX retired_secrets_of_key ON retired_secrets (key_id, valid_until);
CREATE INDEX retired_secrets_by_end ON retired_secrets (valid_until);

-- Orders that nobody paid, for their deletion.
CREATE INDEX orders_unpaid ON orders (created_at) WHERE state IN (3, 4) AND booking = 0 AND check_at IS NULL;
