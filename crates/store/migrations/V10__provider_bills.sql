-- What we booked as cost, as vendors bill it: by day (UTC, counted from the epoch), vendor, model and class. A part of
-- the read model of usage.
CREATE TABLE vendor_costs (
    day INTEGER NOT NULL,
    vendor TEXT NOT NULL,
    model TEXT NOT NULL,
    class TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    PRIMARY KEY (day, vendor, model, class)
) STRICT, WITHOUT ROWID;

-- The days of which a vendor's bill is known. A day without lines is one on which nothing was billed.
CREATE TABLE provider_bill_days (
    vendor TEXT NOT NULL,
    day INTEGER NOT NULL,
    source TEXT NOT NULL,
    told_at INTEGER NOT NULL,
    PRIMARY KEY (vendor, day)
) STRICT, WITHOUT ROWID;

-- What vendors say that they billed. Figures only.
CREATE TABLE provider_bills (
    vendor TEXT NOT NULL,
    day INTEGER NOT NULL,
    model TEXT NOT NULL,
    class TEXT NOT NULL,
    quantity INTEGER,
    amount_nano_usd INTEGER NOT NULL,
    PRIMARY KEY (vendor, day, model, class),
    FOREIGN KEY (vendor, day) REFERENCES provider_bill_days (vendor, day)
) STRICT, WITHOUT ROWID;

-- The read model has costs from here on, so the next start makes it again.
DELETE FROM usage_series;
DELETE FROM usage_sums;
DELETE FROM usage_blocks;
DELETE FROM account_transfers;
DELETE FROM usage_checkpoint;
