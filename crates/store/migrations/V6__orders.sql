CREATE TABLE orders (
    id BLOB PRIMARY KEY,
    version INTEGER NOT NULL,
    user_id BLOB NOT NULL REFERENCES users (id),
    partner_id BLOB REFERENCES partners (id),
    origin INTEGER NOT NULL,
    request_digest BLOB UNIQUE,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    fee_minor INTEGER NOT NULL,
    credits_nano_usd INTEGER NOT NULL,
    bonus_nano_usd INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    session TEXT,
    url TEXT,
    url_expires_at INTEGER,
    payment TEXT,
    -- What the books show of it, before and after the last booking, and whether that booking is known to be made.
    booking INTEGER NOT NULL,
    booked_before TEXT NOT NULL,
    booked TEXT NOT NULL,
    is_booked INTEGER NOT NULL,
    booked_at INTEGER NOT NULL,
    -- When it is read again, if ever.
    check_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX orders_of_user ON orders (user_id, id);
CREATE INDEX orders_to_check ON orders (check_at) WHERE check_at IS NOT NULL;
CREATE INDEX orders_by_payment ON orders (payment) WHERE payment IS NOT NULL;

-- How a person is known to the payment processor, and when their balance is topped up by itself.
CREATE TABLE payers (
    user_id BLOB PRIMARY KEY REFERENCES users (id),
    version INTEGER NOT NULL,
    customer TEXT,
    method TEXT,
    top_up_state INTEGER NOT NULL,
    threshold_nano_usd INTEGER NOT NULL,
    amount_minor INTEGER NOT NULL,
    currency TEXT NOT NULL,
    monthly_max_minor INTEGER NOT NULL,
    month INTEGER NOT NULL,
    month_minor INTEGER NOT NULL,
    charging BLOB
) STRICT, WITHOUT ROWID;

CREATE INDEX payers_to_top_up ON payers (user_id) WHERE top_up_state = 1;

-- How far a walk through a list elsewhere has come.
CREATE TABLE cursors (
    name TEXT PRIMARY KEY,
    position TEXT NOT NULL
) STRICT, WITHOUT ROWID;
