CREATE TABLE user_emails (
    user_id BLOB PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    address TEXT NOT NULL COLLATE NOCASE,
    bounced_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX user_emails_by_address ON user_emails (address);

-- A row without a person was sent or given up and then forgotten: it stays so that its cause never mails again.
CREATE TABLE mail_outbox (
    id BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    cause TEXT NOT NULL,
    user_id BLOB REFERENCES users (id) ON DELETE CASCADE,
    parameters TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL,
    leased_until INTEGER,
    sent_at INTEGER,
    failed_at INTEGER,
    failure TEXT
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX mail_outbox_by_cause ON mail_outbox (kind, cause);
CREATE INDEX mail_outbox_due ON mail_outbox (next_attempt_at) WHERE sent_at IS NULL AND failed_at IS NULL;
CREATE INDEX mail_outbox_ended ON mail_outbox (coalesce(sent_at, failed_at)) WHERE user_id IS NOT NULL;
CREATE INDEX mail_outbox_of_user ON mail_outbox (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE notice_marks (
    kind TEXT NOT NULL,
    subject BLOB NOT NULL,
    raised INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
