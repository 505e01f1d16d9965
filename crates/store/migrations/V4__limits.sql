-- How a key's limit begins anew, since when it counts, how fast the key may send, and whether its owner has switched it off.
-- A limit from before this migration has limit_since 0.
ALTER TABLE user_keys ADD COLUMN limit_reset TEXT;
ALTER TABLE user_keys ADD COLUMN limit_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user_keys ADD COLUMN requests_per_minute INTEGER;
ALTER TABLE user_keys ADD COLUMN tokens_per_minute INTEGER;
ALTER TABLE user_keys ADD COLUMN parallel_max INTEGER;
ALTER TABLE user_keys ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;

-- The cap of a person, over all of their keys.
CREATE TABLE person_caps (
    user_id BLOB PRIMARY KEY REFERENCES users (id),
    limit_account BLOB NOT NULL,
    limit_nano_usd INTEGER NOT NULL,
    limit_reset TEXT,
    limit_since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What an app may spend of a person's balance, over all of the keys that it issued to them.
CREATE TABLE grants (
    user_id BLOB NOT NULL REFERENCES users (id),
    partner_id BLOB NOT NULL REFERENCES partners (id),
    limit_account BLOB NOT NULL,
    limit_nano_usd INTEGER NOT NULL,
    limit_reset TEXT,
    limit_since INTEGER NOT NULL,
    PRIMARY KEY (user_id, partner_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE management_keys (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    digest BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX management_keys_of_user ON management_keys (user_id, id);

-- Who changed what. Rows are added and never changed.
CREATE TABLE audit (
    id BLOB PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;
