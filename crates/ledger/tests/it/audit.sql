-- Each row is something wrong: an entry whose legs do not sum to zero, an account that differs from the sum of its entries or of its
-- holds, a commit that does not follow from the one before it, archived entries that do not add up or whose ids are not all there.
WITH legs AS (
    SELECT id, ('x' || encode(substr(legs, leg * 12 + 1, 4), 'hex'))::bit(32)::integer AS number,
        ('x' || encode(substr(legs, leg * 12 + 5, 8), 'hex'))::bit(64)::bigint AS amount
    FROM ledger_entries, generate_series(0, length(legs) / 12 - 1) AS leg
), archived AS (
    SELECT closing, entries, number, amount FROM ledger_closings JOIN ledger_closing_sums USING (closing) WHERE NOT restored
), gained AS (
    SELECT number, amount FROM legs
    UNION ALL
    SELECT number, amount FROM archived
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
SELECT 'posted', number::text, posted - coalesce((SELECT sum(amount) FROM gained WHERE gained.number = account.number), 0)
FROM ledger_accounts AS account
WHERE posted <> coalesce((SELECT sum(amount) FROM gained WHERE gained.number = account.number), 0)
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
SELECT 'count', '', there - entries FROM ledger_head, (
    SELECT (SELECT count(*) FROM ledger_entries) + coalesce(sum(entries), 0) AS there FROM ledger_closings WHERE NOT restored
) AS counted
WHERE entries <> there
UNION ALL
SELECT 'archived', closing::text, sum(amount) FROM archived GROUP BY closing HAVING sum(amount) <> 0
UNION ALL
SELECT 'ids', closing::text, entries - listed FROM ledger_closings, LATERAL (
    SELECT coalesce(sum(length(ids) / 16), 0) AS listed FROM ledger_closing_ids WHERE closing = ledger_closings.closing
) AS list
WHERE NOT restored AND entries <> listed
UNION ALL
SELECT 'twice', id::text, 0 FROM ledger_entries JOIN ledger_closing_ids ON position(id IN ids) > 0 AND kind <> 0;
