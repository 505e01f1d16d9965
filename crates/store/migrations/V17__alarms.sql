-- The alarms that fire, and those that have ended and of whose end nobody was told yet. A row is written when an alarm fires,
-- is repeated or ends, and when that was told.
CREATE TABLE alarms (
    alarm TEXT NOT NULL,
    labels TEXT NOT NULL,
    summary TEXT NOT NULL,
    since INTEGER NOT NULL,
    told_at INTEGER NOT NULL,
    repeats INTEGER NOT NULL,
    ended_at INTEGER,
    is_told INTEGER NOT NULL,
    PRIMARY KEY (alarm, labels)
) STRICT, WITHOUT ROWID;
