-- Several processes are one service. The version of what they keep in memory: it grows with each change that others must hear of.
CREATE TABLE change_version (
    one bigint PRIMARY KEY CHECK (one = 1),
    version bigint NOT NULL
);

-- What is used of a key's minute, by all processes. Times are by the clock of the database.
CREATE TABLE rate_windows (
    -- The id of the key, and what is counted of it: 1 is requests, 2 is tokens.
    bucket bytea PRIMARY KEY,
    window_start bigint NOT NULL,
    -- More than the limit where some is owed, which later windows carry over.
    used bigint NOT NULL,
    -- The largest limit of this window, and what the last lease took.
    window_max bigint NOT NULL,
    granted bigint NOT NULL
);

-- The requests of a key that run at once, by process. Those of a process that was not seen for a while do not count. A row without a
-- holder is locked by whoever takes a place.
CREATE TABLE rate_places (
    key_id bytea NOT NULL,
    holder text NOT NULL,
    places bigint NOT NULL,
    seen_at bigint NOT NULL,
    PRIMARY KEY (key_id, holder)
);
CREATE INDEX rate_places_of_holder ON rate_places (holder);
