-- What apps got of people. Lists have one entry a line, and a digest stands in place of each secret.

-- Authorization codes. One is kept, used or not, for as long as its family: its reuse ends that.
CREATE TABLE authorization_codes (
    digest BLOB PRIMARY KEY,
    family_id BLOB NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    user_id BLOB NOT NULL REFERENCES users (id),
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    redirect_url TEXT NOT NULL,
    challenge BLOB NOT NULL,
    -- 0: for tokens, 1: for a key that lasts.
    gives INTEGER NOT NULL,
    -- What a key of an unregistered app may spend.
    cap_nano_usd INTEGER,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX authorization_codes_of_user ON authorization_codes (user_id);
CREATE INDEX authorization_codes_by_end ON authorization_codes (expires_at);

-- What one consent has issued. A row has another version after each change.
CREATE TABLE token_families (
    id BLOB PRIMARY KEY,
    client_id TEXT NOT NULL,
    user_id BLOB NOT NULL REFERENCES users (id),
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    -- The digests of the refresh tokens that may be used, one after the other.
    current BLOB NOT NULL,
    replaced BLOB,
    replaced_at INTEGER,
    created_at INTEGER NOT NULL,
    refreshed_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    revoked_at INTEGER,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX token_families_of_user ON token_families (user_id);
CREATE INDEX token_families_by_end ON token_families (ends_at);

-- Every refresh token that a family ever had: one that was replaced is known by this.
CREATE TABLE refresh_tokens (
    digest BLOB PRIMARY KEY,
    family_id BLOB NOT NULL REFERENCES token_families (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_of_family ON refresh_tokens (family_id);

-- What terminals ask for, until a person decides.
CREATE TABLE device_requests (
    digest BLOB PRIMARY KEY,
    user_code BLOB NOT NULL UNIQUE,
    client_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    resources TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    interval_ms INTEGER NOT NULL,
    polled_at INTEGER,
    -- 0: pending, 1: approved, 2: denied, 3: redeemed.
    state INTEGER NOT NULL,
    user_id BLOB REFERENCES users (id),
    family_id BLOB,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX device_requests_of_client ON device_requests (client_id, expires_at);
CREATE INDEX device_requests_by_end ON device_requests (expires_at);
CREATE INDEX device_requests_of_user ON device_requests (user_id) WHERE user_id IS NOT NULL;

-- How an app got a key.
CREATE TABLE connected_keys (
    key_id BLOB PRIMARY KEY REFERENCES user_keys (id),
    user_id BLOB NOT NULL REFERENCES users (id),
    client_id TEXT NOT NULL,
    family_id BLOB,
    -- The browser's session that asked, where the key was made on a page of ours.
    session_id BLOB
) STRICT, WITHOUT ROWID;

CREATE INDEX connected_keys_of_user ON connected_keys (user_id);
CREATE INDEX connected_keys_of_family ON connected_keys (family_id) WHERE family_id IS NOT NULL;
