-- The read model of usage: what the entries of the ledger say, in the order that people ask for. It is made of the
-- ledger alone and may be deleted at any time: the next start makes it again.

-- A series: the requests of one key for one model at one vendor, through one partner (an empty blob: none).
CREATE TABLE usage_series (
    number INTEGER PRIMARY KEY,
    key_id BLOB NOT NULL,
    model TEXT NOT NULL,
    vendor TEXT NOT NULL,
    partner_id BLOB NOT NULL,
    UNIQUE (key_id, model, vendor, partner_id)
) STRICT;

-- The sums of a series by day, UTC, counted from the epoch.
CREATE TABLE usage_sums (
    series INTEGER NOT NULL,
    day INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    cache_read_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    charged_nano_usd INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    commission_nano_usd INTEGER NOT NULL,
    PRIMARY KEY (series, day)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_sums_by_day ON usage_sums (day);

-- The requests of a series, packed: some four bytes each. A row has at most as much as fits a quarter of a page.
CREATE TABLE usage_blocks (
    series INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    items BLOB NOT NULL,
    PRIMARY KEY (series, first_ms)
) STRICT, WITHOUT ROWID;

-- The transfers of an account. What they are is in their entries.
CREATE TABLE account_transfers (
    account BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    entry BLOB NOT NULL,
    PRIMARY KEY (account, at_ms, entry)
) STRICT, WITHOUT ROWID;

-- The place in the ledger up to which all of this is made.
CREATE TABLE usage_checkpoint (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    place BLOB NOT NULL
) STRICT;

-- The counts of before, which the read model has from the ledger.
DROP TABLE usage_days;
