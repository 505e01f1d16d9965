-- People and partners are found by what they are called, so that each name is there once.
CREATE UNIQUE INDEX users_by_label ON users (label);
CREATE UNIQUE INDEX partners_by_name ON partners (name);
