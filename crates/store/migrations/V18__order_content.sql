-- What a request with an idempotency key asked for, as a digest: the same key with another request is refused. Orders from before
-- have none.
ALTER TABLE orders ADD COLUMN request_content BLOB;
