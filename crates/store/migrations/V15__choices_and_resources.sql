-- Kinds of notices that a person has switched off. Whoever has no row gets them all.
CREATE TABLE muted_notices (
    user_id BLOB NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (user_id, kind)
) STRICT, WITHOUT ROWID;

-- At which resources the key of an app may be used, one a line; none for all of ours.
ALTER TABLE connected_keys ADD COLUMN resources TEXT NOT NULL DEFAULT '';
UPDATE connected_keys SET resources =
    coalesce((SELECT resources FROM token_families f WHERE f.id = connected_keys.family_id), '');
