-- Addresses are encrypted in `sealed` and found by a keyed hash; `address` is empty then. A job encrypts those of before.
ALTER TABLE user_emails ADD COLUMN sealed BLOB;
ALTER TABLE user_emails ADD COLUMN address_hash BLOB;
DROP INDEX user_emails_by_address;
CREATE INDEX user_emails_by_address ON user_emails (address) WHERE address <> '';
CREATE INDEX user_emails_by_hash ON user_emails (address_hash) WHERE address_hash IS NOT NULL;

-- What a person has asked for about their data. After a deletion the row stays, under the opaque id.
CREATE TABLE person_privacy (
    user_id BLOB PRIMARY KEY REFERENCES users (id),
    restricted_at INTEGER,
    objected_at INTEGER,
    deletion_asked_at INTEGER,
    deletion_due_at INTEGER,
    erased_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX person_privacy_due ON person_privacy (deletion_due_at) WHERE deletion_due_at IS NOT NULL;

-- Records of changes, by what they are about and by who made them.
CREATE INDEX audit_of_subject ON audit (subject, id);
CREATE INDEX audit_of_actor ON audit (actor, id);

-- Published versions of the policy, and how far people were told of each.
CREATE TABLE policy_versions (
    version TEXT PRIMARY KEY NOT NULL,
    effective_at INTEGER NOT NULL,
    summary TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    told_until BLOB NOT NULL,
    told INTEGER NOT NULL DEFAULT 0,
    told_at INTEGER
) STRICT;
