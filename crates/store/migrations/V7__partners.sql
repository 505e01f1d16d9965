-- The person who runs a partner, whose own spending earns it nothing, and whether the partner is suspended.
ALTER TABLE partners ADD COLUMN owner_id BLOB REFERENCES users (id);
ALTER TABLE partners ADD COLUMN suspended INTEGER NOT NULL DEFAULT 0;

-- What a booking of an order changed of what was earned on the person's spending: credits that had been spent and were
-- taken back, or below zero, such credits that came back. It is stored before it is booked and never changes.
CREATE TABLE commission_returns (
    order_id BLOB NOT NULL REFERENCES orders (id),
    booking INTEGER NOT NULL,
    user_id BLOB NOT NULL REFERENCES users (id),
    owed_nano_usd INTEGER NOT NULL,
    PRIMARY KEY (order_id, booking)
) STRICT, WITHOUT ROWID;

CREATE INDEX commission_returns_of_user ON commission_returns (user_id);

-- The part of each partner in it.
CREATE TABLE commission_return_parts (
    order_id BLOB NOT NULL,
    booking INTEGER NOT NULL,
    partner_id BLOB NOT NULL REFERENCES partners (id),
    commission_nano_usd INTEGER NOT NULL,
    PRIMARY KEY (order_id, booking, partner_id),
    FOREIGN KEY (order_id, booking) REFERENCES commission_returns (order_id, booking)
) STRICT, WITHOUT ROWID;

CREATE TABLE partner_keys (
    id BLOB PRIMARY KEY,
    partner_id BLOB NOT NULL REFERENCES partners (id),
    digest BLOB NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX partner_keys_of_partner ON partner_keys (partner_id, id);

-- The keys that name a partner in a browser. Lists have one entry a line.
CREATE TABLE publishable_keys (
    id BLOB PRIMARY KEY,
    partner_id BLOB NOT NULL REFERENCES partners (id),
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    origins TEXT NOT NULL,
    redirect_urls TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX publishable_keys_of_partner ON publishable_keys (partner_id, id);

INSERT INTO publishable_keys (id, partner_id, key, name, origins, redirect_urls, created_at)
SELECT id, id, publishable_key, 'first', '', '', created_at FROM partners;
