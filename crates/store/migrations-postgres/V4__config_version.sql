-- Of the changes that other processes must hear of, the number of those of the config: only these make them read their files again.
ALTER TABLE change_version ADD COLUMN configs bigint NOT NULL DEFAULT 0;
