-- Each row is something wrong: an entry whose legs do not sum to zero, an account that differs from the sum of its entries or of its
-- holds, a commit that does not follow from the one before it.
WITH legs AS (
    SELECT id, ('x' || encode(substr(legs, leg * 12 + 1, 4), 'hex'))::bit(32)::integer AS number,
        ('x' || encode(substr(legs, leg * 12 + 5, 8), 'hex'))::bit(64)::bigint AS amount
    FROM ledger_entries, generate_series(0, length(legs) / 12 - 1) AS leg
), held AS (
    SELECT payer AS number, amount FROM ledger_holds
    UNION ALL
    SELECT ('x' || encode(substr(limits, place * 4 + 1, 4), 'hex'))::bit(32)::integer, amount
    FROM ledger_holds, generate_series(0, length(limits) / 4 - 1) AS place
), chain AS (
    SELECT commit, entries, digest, hash, lag(hash, 1, ''::bytea) OVER (ORDER BY commit) AS before,
        lag(commit, 1, 0) OVER (ORDER BY commit) AS number_before
    FROM ledger_commits
)
SELECT 'unbalanced', id::text, sum(amount) FROM legs GROUP BY id HAVING sum(amount) <> 0
UNION ALL
SELECT 'posted', number::text, posted - coalesce((SELECT sum(amount) FROM legs WHERE legs.number = account.number), 0)
FROM ledger_accounts AS account
WHERE posted <> coalesce((SELECT sum(amount) FROM legs WHERE legs.number = account.number), 0)
UNION ALL
SELECT 'held', number::text, held - coalesce((SELECT sum(amount) FROM held WHERE held.number = account.number), 0)
FROM ledger_accounts AS account
WHERE held <> coalesce((SELECT sum(amount) FROM held WHERE held.number = account.number), 0)
UNION ALL
SELECT 'overdrawn', number::text, posted - held FROM ledger_accounts
WHERE floor = 0 AND contra IS NULL AND posted < held
UNION ALL
SELECT 'chain', commit::text, 0 FROM chain
WHERE commit <> number_before + 1 OR hash <> sha256(before || int8send(commit) || int8send(entries) || digest)
UNION ALL
SELECT 'head', commit::text, entries FROM ledger_head
WHERE (commit, entries, hash) <> (SELECT commit, entries, hash FROM ledger_commits ORDER BY commit DESC LIMIT 1)
UNION ALL
SELECT 'count', '', (SELECT count(*) FROM ledger_entries) - entries FROM ledger_head
WHERE entries <> (SELECT count(*) FROM ledger_entries);
