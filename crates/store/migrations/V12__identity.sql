-- Signing in. No row has a code, a token, a network address or an address of a person in readable form.
CREATE TABLE code_challenges (
    id BLOB PRIMARY KEY,
    purpose TEXT NOT NULL,
    -- A keyed hash of id, purpose and code.
    digest BLOB NOT NULL,
    -- The address that the code was mailed to, sealed under a key of the server.
    sealed_address BLOB NOT NULL,
    -- The signed-in person who asked for it; none for signing in.
    user_id BLOB REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    attempts_left INTEGER NOT NULL,
    is_used INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX code_challenges_over ON code_challenges (expires_at);

CREATE TABLE mailed_links (
    id BLOB PRIMARY KEY,
    sealed_address BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX mailed_links_over ON mailed_links (expires_at);

CREATE TABLE spent_links (
    nonce BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_links_over ON spent_links (expires_at);

-- The key is a keyed hash. A row that is absent is a full bucket.
CREATE TABLE attempt_buckets (
    key BLOB PRIMARY KEY,
    bucket BLOB NOT NULL,
    is_full_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX attempt_buckets_over ON attempt_buckets (is_full_at);

CREATE TABLE sessions (
    id BLOB PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    browser TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_user ON sessions (user_id, used_at);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_by_use ON sessions (used_at);
CREATE INDEX sessions_by_age ON sessions (created_at);

CREATE TABLE passkey_challenges (
    value BLOB PRIMARY KEY,
    -- The person who registers a passkey; none for signing in.
    user_id BLOB REFERENCES users (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX passkey_challenges_over ON passkey_challenges (expires_at);

CREATE TABLE passkeys (
    id BLOB PRIMARY KEY,
    credential_id BLOB NOT NULL UNIQUE,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- A COSE key.
    public_key BLOB NOT NULL,
    sign_count INTEGER NOT NULL,
    is_backup_eligible INTEGER NOT NULL,
    is_backed_up INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX passkeys_of_user ON passkeys (user_id);

CREATE TABLE terms_acceptances (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    version TEXT NOT NULL,
    is_of_age INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, version)
) STRICT, WITHOUT ROWID;

-- Who has no row has no role.
CREATE TABLE user_roles (
    user_id BLOB PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    role TEXT NOT NULL
) STRICT, WITHOUT ROWID;
