CREATE TABLE users (
    id BLOB PRIMARY KEY,
    wallet BLOB NOT NULL,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    suspended INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE partners (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    publishable_key TEXT NOT NULL UNIQUE,
    share_bps INTEGER,
    earnings BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user_keys (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    partner_id BLOB REFERENCES partners (id),
    digest BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    expires_at INTEGER,
    limit_account BLOB,
    limit_nano_usd INTEGER,
    allowed_models TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX user_keys_of_user ON user_keys (user_id, id);

CREATE TABLE usage_days (
    key_id BLOB NOT NULL,
    day INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    charged_nano_usd INTEGER NOT NULL,
    PRIMARY KEY (key_id, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE claims (
    digest BLOB PRIMARY KEY,
    generation BLOB NOT NULL,
    claimed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX claims_by_time ON claims (claimed_at);

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
