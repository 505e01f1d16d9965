-- Kinds of notices that a person has switched off. Whoever has no row gets them all.
CREATE TABLE muted_notices (
    user_id BLOB NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;
