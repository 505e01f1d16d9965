-- People's wishes to run a partner. Lists have one entry a line. An application's id is the id of the partner it becomes.
CREATE TABLE partner_applications (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    origins TEXT NOT NULL,
    redirect_urls TEXT NOT NULL,
    -- 0: open, 1: approved, 2: rejected.
    state INTEGER NOT NULL,
    reason TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    decided_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX partner_applications_of_user ON partner_applications (user_id, state);

-- The people who came through a partner.
CREATE INDEX user_keys_of_partner ON user_keys (partner_id, user_id, created_at) WHERE partner_id IS NOT NULL;

-- What a transfer of an account gave to revenue and to payouts: a partner's money is summed here, not in the ledger.
-- The read model is made anew, so that transfers of before have these figures too.
DELETE FROM usage_series;
DELETE FROM usage_sums;
DELETE FROM usage_blocks;
DELETE FROM account_transfers;
DELETE FROM usage_checkpoint;
ALTER TABLE account_transfers ADD COLUMN returned_nano_usd INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account_transfers ADD COLUMN paid_out_nano_usd INTEGER NOT NULL DEFAULT 0;

CREATE INDEX account_payouts ON account_transfers (account, at_ms, entry) WHERE paid_out_nano_usd <> 0;
