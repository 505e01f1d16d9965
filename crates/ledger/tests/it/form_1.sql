-- The tables of form 1, which knew no processes, and a connection that had written there.
CREATE TABLE IF NOT EXISTS ledger_form (form bigint PRIMARY KEY);
CREATE TABLE IF NOT EXISTS ledger_accounts (
    number integer PRIMARY KEY, id bytea NOT NULL UNIQUE, floor smallint NOT NULL, contra integer,
    posted bigint NOT NULL, held bigint NOT NULL, commit bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS ledger_holds (
    id bytea PRIMARY KEY, payer integer NOT NULL, limits bytea NOT NULL, amount bigint NOT NULL,
    expires_at bigint NOT NULL, phase smallint NOT NULL, fingerprint bigint NOT NULL, writer bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS ledger_holds_due ON ledger_holds (expires_at);
CREATE TABLE IF NOT EXISTS ledger_entries (
    id bytea PRIMARY KEY, commit bigint NOT NULL, kind smallint NOT NULL, at bigint NOT NULL,
    fingerprint bigint NOT NULL, charged bigint NOT NULL, legs bytea NOT NULL, memo bytea NOT NULL
);
CREATE INDEX IF NOT EXISTS ledger_entries_commit ON ledger_entries (commit);
CREATE TABLE IF NOT EXISTS ledger_commits (
    commit bigint PRIMARY KEY, entries bigint NOT NULL, digest bytea NOT NULL, hash bytea NOT NULL, writer bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger_writers (
    writer bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, batch bigint NOT NULL, looks bigint NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS ledger_numbers (one boolean PRIMARY KEY CHECK (one), accounts integer NOT NULL);
CREATE TABLE IF NOT EXISTS ledger_head (
    one boolean PRIMARY KEY CHECK (one), commit bigint NOT NULL, entries bigint NOT NULL, hash bytea NOT NULL
) WITH (fillfactor = 10);
INSERT INTO ledger_numbers VALUES (true, 0) ON CONFLICT DO NOTHING;
INSERT INTO ledger_head VALUES (true, 0, 0, '') ON CONFLICT DO NOTHING;
INSERT INTO ledger_form VALUES (1) ON CONFLICT DO NOTHING;
INSERT INTO ledger_writers (batch, looks) VALUES (7, 0);
