-- Several processes are one service. The version of what they keep in memory: it grows with each change that others must hear of.
CREATE TABLE change_version (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;

-- What is used of a key's minute, by all processes.
CREATE TABLE rate_windows (
    -- The id of the key, and what is counted of it: 1 is requests, 2 is tokens.
    bucket BLOB PRIMARY KEY,
    window_start INTEGER NOT NULL,
    -- More than the limit where some is owed, which later windows carry over.
    used INTEGER NOT NULL,
    -- The largest limit of this window, and what the last lease took.
    window_max INTEGER NOT NULL,
    granted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The requests of a key that run at once, by process. Those of a process that was not seen for a while do not count. A row without a
-- holder is locked by whoever takes a place.
CREATE TABLE rate_places (
    key_id BLOB NOT NULL,
    holder TEXT NOT NULL,
    places INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (key_id, holder)
) STRICT, WITHOUT ROWID;

CREATE INDEX rate_places_of_holder ON rate_places (holder);
