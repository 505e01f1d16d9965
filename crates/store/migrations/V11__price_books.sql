-- The markup on requests through a partner; none where the operator's holds.
ALTER TABLE partners ADD COLUMN markup_bps INTEGER;

-- Price books that were loaded. A book never changes and is never deleted: bills name it.
CREATE TABLE price_books (
    version TEXT PRIMARY KEY NOT NULL,
    text TEXT NOT NULL,
    source TEXT NOT NULL,
    added_at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER price_books_never_change BEFORE UPDATE ON price_books
BEGIN
    SELECT RAISE(ABORT, 'a price book never changes');
END;

-- When which book came into force; without a version the one that is compiled in. The last row is in force.
CREATE TABLE price_book_uses (
    number INTEGER PRIMARY KEY NOT NULL,
    version TEXT REFERENCES price_books (version),
    begun_at INTEGER NOT NULL
) STRICT;
