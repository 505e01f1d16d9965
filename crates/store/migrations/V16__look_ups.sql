-- Parts of labels, in any case, of three characters or more. The table of people has no row numbers, which the index needs.
CREATE TABLE label_rows (
    n INTEGER PRIMARY KEY,
    user_id BLOB NOT NULL UNIQUE
) STRICT;
CREATE VIRTUAL TABLE label_parts USING fts5 (label, tokenize = 'trigram');
-- A label that is changed or deleted leaves nothing in the index.
INSERT INTO label_parts (label_parts, rank) VALUES ('secure-delete', 1);
CREATE TRIGGER label_added AFTER INSERT ON users BEGIN
    INSERT INTO label_rows (user_id) VALUES (new.id);
    INSERT INTO label_parts (rowid, label) SELECT n, new.label FROM label_rows WHERE user_id = new.id;
END;
CREATE TRIGGER label_changed AFTER UPDATE OF label ON users BEGIN
    UPDATE label_parts SET label = new.label WHERE rowid = (SELECT n FROM label_rows WHERE user_id = new.id);
END;
CREATE TRIGGER label_removed AFTER DELETE ON users BEGIN
    DELETE FROM label_parts WHERE rowid = (SELECT n FROM label_rows WHERE user_id = old.id);
    DELETE FROM label_rows WHERE user_id = old.id;
END;
INSERT INTO label_rows (user_id) SELECT id FROM users ORDER BY id;
INSERT INTO label_parts (rowid, label) SELECT n, label FROM users JOIN label_rows ON user_id = id;

-- The beginnings of labels, for shorter texts.
CREATE INDEX users_by_label_in_any_case ON users (label COLLATE NOCASE);
CREATE INDEX user_keys_by_hint ON user_keys (hint, id);
