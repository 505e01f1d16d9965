-- The tables as they are on SQLite after its first seventeen migrations. Ids and digests are bytes, times are milliseconds, money is in
-- billionths of a dollar. Plain statements only: no triggers, no procedures, no sequences.

CREATE TABLE users (
    id bytea PRIMARY KEY,
    wallet bytea NOT NULL,
    label text NOT NULL,
    created_at bigint NOT NULL,
    suspended boolean NOT NULL DEFAULT false
);
-- People and partners are found by what they are called, so that each name is there once.
CREATE UNIQUE INDEX users_by_label ON users (label);
-- The beginnings of labels, in any case.
CREATE INDEX users_by_label_in_any_case ON users (lower(label));

CREATE TABLE partners (
    id bytea PRIMARY KEY,
    name text NOT NULL,
    publishable_key text NOT NULL UNIQUE,
    share_bps bigint,
    earnings bytea NOT NULL,
    created_at bigint NOT NULL,
    -- The person who runs a partner, whose own spending earns it nothing, and whether the partner is suspended.
    owner_id bytea REFERENCES users (id),
    suspended boolean NOT NULL DEFAULT false,
    -- The markup on requests through a partner; none where the operator's holds.
    markup_bps bigint
);
CREATE UNIQUE INDEX partners_by_name ON partners (name);

CREATE TABLE user_keys (
    id bytea PRIMARY KEY,
    user_id bytea NOT NULL REFERENCES users (id),
    partner_id bytea REFERENCES partners (id),
    digest bytea NOT NULL UNIQUE,
    hint text NOT NULL,
    name text NOT NULL,
    created_at bigint NOT NULL,
    revoked_at bigint,
    expires_at bigint,
    limit_account bytea,
    limit_nano_usd bigint,
    allowed_models text,
    -- How a key's limit begins anew, since when it counts, how fast the key may send, and whether its owner has switched it off.
    limit_reset text,
    limit_since bigint NOT NULL DEFAULT 0,
    requests_per_minute bigint,
    tokens_per_minute bigint,
    parallel_max bigint,
    disabled boolean NOT NULL DEFAULT false
);
CREATE INDEX user_keys_of_user ON user_keys (user_id, id);
-- The people who came through a partner.
CREATE INDEX user_keys_of_partner ON user_keys (partner_id, user_id, created_at) WHERE partner_id IS NOT NULL;
CREATE INDEX user_keys_by_hint ON user_keys (hint, id);

CREATE TABLE claims (
    digest bytea PRIMARY KEY,
    generation bytea NOT NULL,
    claimed_at bigint NOT NULL
);
CREATE INDEX claims_by_time ON claims (claimed_at);

CREATE TABLE settings (
    name text PRIMARY KEY,
    value bytea NOT NULL
);

CREATE TABLE user_emails (
    user_id bytea PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    address text NOT NULL,
    bounced_at bigint,
    -- Addresses are encrypted in `sealed` and found by a keyed hash; `address` is empty then. A job encrypts others.
    sealed bytea,
    address_hash bytea
);
CREATE INDEX user_emails_by_address ON user_emails (lower(address)) WHERE address <> '';
CREATE INDEX user_emails_by_hash ON user_emails (address_hash) WHERE address_hash IS NOT NULL;

-- A row without a person was sent or given up and then forgotten: it stays so that its cause never mails again.
CREATE TABLE mail_outbox (
    id bytea PRIMARY KEY,
    kind text NOT NULL,
    cause text NOT NULL,
    user_id bytea REFERENCES users (id) ON DELETE CASCADE,
    parameters text NOT NULL,
    created_at bigint NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    next_attempt_at bigint NOT NULL,
    leased_until bigint,
    sent_at bigint,
    failed_at bigint,
    failure text
);
CREATE UNIQUE INDEX mail_outbox_by_cause ON mail_outbox (kind, cause);
CREATE INDEX mail_outbox_due ON mail_outbox (next_attempt_at) WHERE sent_at IS NULL AND failed_at IS NULL;
CREATE INDEX mail_outbox_ended ON mail_outbox (coalesce(sent_at, failed_at)) WHERE user_id IS NOT NULL;
CREATE INDEX mail_outbox_of_user ON mail_outbox (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE notice_marks (
    kind text NOT NULL,
    subject bytea NOT NULL,
    raised boolean NOT NULL,
    PRIMARY KEY (kind, subject)
);

-- The cap of a person, over all of their keys.
CREATE TABLE person_caps (
    user_id bytea PRIMARY KEY REFERENCES users (id),
    limit_account bytea NOT NULL,
    limit_nano_usd bigint NOT NULL,
    limit_reset text,
    limit_since bigint NOT NULL
);

-- What an app may spend of a person's balance, over all of the keys that it issued to them.
CREATE TABLE grants (
    user_id bytea NOT NULL REFERENCES users (id),
    partner_id bytea NOT NULL REFERENCES partners (id),
    limit_account bytea NOT NULL,
    limit_nano_usd bigint NOT NULL,
    limit_reset text,
    limit_since bigint NOT NULL,
    PRIMARY KEY (user_id, partner_id)
);

CREATE TABLE management_keys (
    id bytea PRIMARY KEY,
    user_id bytea NOT NULL REFERENCES users (id),
    digest bytea NOT NULL UNIQUE,
    hint text NOT NULL,
    name text NOT NULL,
    created_at bigint NOT NULL,
    revoked_at bigint
);
CREATE INDEX management_keys_of_user ON management_keys (user_id, id);

-- Who changed what. Rows are added and never changed.
CREATE TABLE audit (
    id bytea PRIMARY KEY,
    at bigint NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail text NOT NULL
);
-- Records of changes, by what they are about and by who made them.
CREATE INDEX audit_of_subject ON audit (subject, id);
CREATE INDEX audit_of_actor ON audit (actor, id);

-- The read model of usage: what the entries of the ledger say, in the order that people ask for. It is made of the
-- ledger alone and may be deleted at any time: the next start makes it again.
--
-- A series: the requests of one key for one model at one vendor, through one partner (an empty blob: none).
CREATE TABLE usage_series (
    number bigint PRIMARY KEY,
    key_id bytea NOT NULL,
    model text NOT NULL,
    vendor text NOT NULL,
    partner_id bytea NOT NULL,
    UNIQUE (key_id, model, vendor, partner_id)
);

-- The sums of a series by day, UTC, counted from the epoch.
CREATE TABLE usage_sums (
    series bigint NOT NULL,
    day bigint NOT NULL,
    requests bigint NOT NULL,
    input_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    charged_nano_usd bigint NOT NULL,
    cost_nano_usd bigint NOT NULL,
    commission_nano_usd bigint NOT NULL,
    PRIMARY KEY (series, day)
);
CREATE INDEX usage_sums_by_day ON usage_sums (day);

-- The requests of a series, packed: some four bytes each. A row has at most as much as fits a quarter of a page.
CREATE TABLE usage_blocks (
    series bigint NOT NULL,
    first_ms bigint NOT NULL,
    items bytea NOT NULL,
    PRIMARY KEY (series, first_ms)
);

-- The transfers of an account. What they are is in their entries.
CREATE TABLE account_transfers (
    account bytea NOT NULL,
    at_ms bigint NOT NULL,
    entry bytea NOT NULL,
    returned_nano_usd bigint NOT NULL DEFAULT 0,
    paid_out_nano_usd bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (account, at_ms, entry)
);
CREATE INDEX account_payouts ON account_transfers (account, at_ms, entry) WHERE paid_out_nano_usd <> 0;

-- The place in the ledger up to which all of this is made.
CREATE TABLE usage_checkpoint (
    one bigint PRIMARY KEY CHECK (one = 1),
    place bytea NOT NULL
);

CREATE TABLE orders (
    id bytea PRIMARY KEY,
    version bigint NOT NULL,
    user_id bytea NOT NULL REFERENCES users (id),
    partner_id bytea REFERENCES partners (id),
    origin bigint NOT NULL,
    request_digest bytea UNIQUE,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    credits_nano_usd bigint NOT NULL,
    bonus_nano_usd bigint NOT NULL,
    created_at bigint NOT NULL,
    state bigint NOT NULL,
    attempt bigint NOT NULL,
    session text,
    url text,
    url_expires_at bigint,
    payment text,
    -- What the books show of it, before and after the last booking, and whether that booking is known to be made.
    booking bigint NOT NULL,
    booked_before text NOT NULL,
    booked text NOT NULL,
    is_booked boolean NOT NULL,
    booked_at bigint NOT NULL,
    -- When it is read again, if ever.
    check_at bigint
);
CREATE INDEX orders_of_user ON orders (user_id, id);
CREATE INDEX orders_to_check ON orders (check_at) WHERE check_at IS NOT NULL;
CREATE INDEX orders_by_payment ON orders (payment) WHERE payment IS NOT NULL;
-- Orders that nobody paid, for their deletion.
CREATE INDEX orders_unpaid ON orders (created_at) WHERE state IN (3, 4) AND booking = 0 AND check_at IS NULL;

-- How a person is known to the payment processor, and when their balance is topped up by itself.
CREATE TABLE payers (
    user_id bytea PRIMARY KEY REFERENCES users (id),
    version bigint NOT NULL,
    customer text,
    method text,
    top_up_state bigint NOT NULL,
    threshold_nano_usd bigint NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    monthly_max_minor bigint NOT NULL,
    month bigint NOT NULL,
    month_minor bigint NOT NULL,
    charging bytea
);
CREATE INDEX payers_to_top_up ON payers (user_id) WHERE top_up_state = 1;

-- How far a walk through a list elsewhere has come.
CREATE TABLE cursors (
    name text PRIMARY KEY,
    position text NOT NULL
);

-- What a booking of an order changed of what was earned on the person's spending: credits that had been spent and were
-- taken back, or below zero, such credits that came back. It is stored before it is booked and never changes.
CREATE TABLE commission_returns (
    order_id bytea NOT NULL REFERENCES orders (id),
    booking bigint NOT NULL,
    user_id bytea NOT NULL REFERENCES users (id),
    owed_nano_usd bigint NOT NULL,
    PRIMARY KEY (order_id, booking)
);
CREATE INDEX commission_returns_of_user ON commission_returns (user_id);

-- The part of each partner in it.
CREATE TABLE commission_return_parts (
    order_id bytea NOT NULL,
    booking bigint NOT NULL,
    partner_id bytea NOT NULL REFERENCES partners (id),
    commission_nano_usd bigint NOT NULL,
    PRIMARY KEY (order_id, booking, partner_id),
    FOREIGN KEY (order_id, booking) REFERENCES commission_returns (order_id, booking)
);

CREATE TABLE partner_keys (
    id bytea PRIMARY KEY,
    partner_id bytea NOT NULL REFERENCES partners (id),
    digest bytea NOT NULL UNIQUE,
    hint text NOT NULL,
    name text NOT NULL,
    created_at bigint NOT NULL,
    revoked_at bigint
);
CREATE INDEX partner_keys_of_partner ON partner_keys (partner_id, id);

-- The keys that name a partner in a browser. Lists have one entry a line.
CREATE TABLE publishable_keys (
    id bytea PRIMARY KEY,
    partner_id bytea NOT NULL REFERENCES partners (id),
    key text NOT NULL UNIQUE,
    name text NOT NULL,
    origins text NOT NULL,
    redirect_urls text NOT NULL,
    created_at bigint NOT NULL,
    revoked_at bigint
);
CREATE INDEX publishable_keys_of_partner ON publishable_keys (partner_id, id);

-- The recurring jobs: who may run each, and how its last run went. The token grows with every lease, so that what an
-- earlier holder still writes can be refused.
CREATE TABLE jobs (
    name text PRIMARY KEY,
    holder text,
    token bigint NOT NULL,
    leased_until bigint,
    leased_at bigint,
    started_at bigint,
    ended_at bigint,
    outcome text,
    detail text NOT NULL DEFAULT '',
    runs bigint NOT NULL DEFAULT 0,
    failures bigint NOT NULL DEFAULT 0
);

-- Earlier secrets of rotated keys, which are valid for some more time.
CREATE TABLE retired_secrets (
    digest bytea PRIMARY KEY,
    key_id bytea NOT NULL REFERENCES user_keys (id) ON DELETE CASCADE,
    hint text NOT NULL,
    valid_until bigint NOT NULL
);
CREATE INDEX retired_secrets_of_key ON retired_secrets (key_id, valid_until);
CREATE INDEX retired_secrets_by_end ON retired_secrets (valid_until);

-- People's wishes to run a partner. Lists have one entry a line. An application's id is the id of the partner it becomes.
CREATE TABLE partner_applications (
    id bytea PRIMARY KEY,
    user_id bytea NOT NULL REFERENCES users (id),
    name text NOT NULL,
    url text NOT NULL,
    origins text NOT NULL,
    redirect_urls text NOT NULL,
    -- 0: open, 1: approved, 2: rejected.
    state bigint NOT NULL,
    reason text NOT NULL,
    created_at bigint NOT NULL,
    decided_at bigint
);
CREATE INDEX partner_applications_of_user ON partner_applications (user_id, state);

-- What we booked as cost, as vendors bill it: by day (UTC, counted from the epoch), vendor, model and class. A part of
-- the read model of usage.
CREATE TABLE vendor_costs (
    day bigint NOT NULL,
    vendor text NOT NULL,
    model text NOT NULL,
    class text NOT NULL,
    quantity bigint NOT NULL,
    cost_nano_usd bigint NOT NULL,
    PRIMARY KEY (day, vendor, model, class)
);

-- The days of which a vendor's bill is known. A day without lines is one on which nothing was billed.
CREATE TABLE provider_bill_days (
    vendor text NOT NULL,
    day bigint NOT NULL,
    source text NOT NULL,
    told_at bigint NOT NULL,
    PRIMARY KEY (vendor, day)
);

-- What vendors say that they billed. Figures only.
CREATE TABLE provider_bills (
    vendor text NOT NULL,
    day bigint NOT NULL,
    model text NOT NULL,
    class text NOT NULL,
    quantity bigint,
    amount_nano_usd bigint NOT NULL,
    PRIMARY KEY (vendor, day, model, class),
    FOREIGN KEY (vendor, day) REFERENCES provider_bill_days (vendor, day)
);

-- Price books that were loaded. A book never changes and is never deleted: bills name it.
CREATE TABLE price_books (
    version text PRIMARY KEY,
    text text NOT NULL,
    source text NOT NULL,
    added_at bigint NOT NULL
);

-- When which book came into force; without a version the one that is compiled in. The last row is in force.
CREATE TABLE price_book_uses (
    number bigint PRIMARY KEY,
    version text REFERENCES price_books (version),
    begun_at bigint NOT NULL
);

-- Signing in. No row has a code, a token, a network address or an address of a person in readable form.
CREATE TABLE code_challenges (
    id bytea PRIMARY KEY,
    purpose text NOT NULL,
    -- A keyed hash of id, purpose and code.
    digest bytea NOT NULL,
    -- The address that the code was mailed to, sealed under a key of the server.
    sealed_address bytea NOT NULL,
    -- The signed-in person who asked for it; none for signing in.
    user_id bytea REFERENCES users (id) ON DELETE CASCADE,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    attempts_left bigint NOT NULL,
    is_used boolean NOT NULL
);
CREATE INDEX code_challenges_over ON code_challenges (expires_at);

CREATE TABLE mailed_links (
    id bytea PRIMARY KEY,
    sealed_address bytea NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX mailed_links_over ON mailed_links (expires_at);

CREATE TABLE spent_links (
    nonce bytea PRIMARY KEY,
    expires_at bigint NOT NULL
);
CREATE INDEX spent_links_over ON spent_links (expires_at);

-- The key is a keyed hash. A row that is absent is a full bucket.
CREATE TABLE attempt_buckets (
    key bytea PRIMARY KEY,
    bucket bytea NOT NULL,
    is_full_at bigint NOT NULL
);
CREATE INDEX attempt_buckets_over ON attempt_buckets (is_full_at);

CREATE TABLE sessions (
    id bytea PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    user_id bytea NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    browser text NOT NULL,
    created_at bigint NOT NULL,
    used_at bigint NOT NULL,
    ended_at bigint
);
CREATE INDEX sessions_of_user ON sessions (user_id, used_at);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_by_use ON sessions (used_at);
CREATE INDEX sessions_by_age ON sessions (created_at);

CREATE TABLE passkey_challenges (
    value bytea PRIMARY KEY,
    -- The person who registers a passkey; none for signing in.
    user_id bytea REFERENCES users (id) ON DELETE CASCADE,
    expires_at bigint NOT NULL
);
CREATE INDEX passkey_challenges_over ON passkey_challenges (expires_at);

CREATE TABLE passkeys (
    id bytea PRIMARY KEY,
    credential_id bytea NOT NULL UNIQUE,
    user_id bytea NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name text NOT NULL,
    -- A COSE key.
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    is_backup_eligible boolean NOT NULL,
    is_backed_up boolean NOT NULL,
    created_at bigint NOT NULL,
    used_at bigint
);
CREATE INDEX passkeys_of_user ON passkeys (user_id);

CREATE TABLE terms_acceptances (
    user_id bytea NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    version text NOT NULL,
    is_of_age boolean NOT NULL,
    accepted_at bigint NOT NULL,
    PRIMARY KEY (user_id, version)
);

-- Who has no row has no role.
CREATE TABLE user_roles (
    user_id bytea PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    role text NOT NULL
);

-- What apps got of people. Lists have one entry a line, and a digest stands in place of each secret.
--
-- Authorization codes. One is kept, used or not, for as long as its family: its reuse ends that.
CREATE TABLE authorization_codes (
    digest bytea PRIMARY KEY,
    family_id bytea NOT NULL UNIQUE,
    client_id text NOT NULL,
    user_id bytea NOT NULL REFERENCES users (id),
    scopes text NOT NULL,
    resources text NOT NULL,
    redirect_url text NOT NULL,
    challenge bytea NOT NULL,
    -- 0: for tokens, 1: for a key that lasts.
    gives bigint NOT NULL,
    -- What a key of an unregistered app may spend.
    cap_nano_usd bigint,
    expires_at bigint NOT NULL,
    used_at bigint
);
CREATE INDEX authorization_codes_of_user ON authorization_codes (user_id);
CREATE INDEX authorization_codes_by_end ON authorization_codes (expires_at);

-- What one consent has issued. A row has another version after each change.
CREATE TABLE token_families (
    id bytea PRIMARY KEY,
    client_id text NOT NULL,
    user_id bytea NOT NULL REFERENCES users (id),
    scopes text NOT NULL,
    resources text NOT NULL,
    -- The digests of the refresh tokens that may be used, one after the other.
    current bytea NOT NULL,
    replaced bytea,
    replaced_at bigint,
    created_at bigint NOT NULL,
    refreshed_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    revoked_at bigint,
    version bigint NOT NULL
);
CREATE INDEX token_families_of_user ON token_families (user_id);
CREATE INDEX token_families_by_end ON token_families (ends_at);

-- Every refresh token that a family ever had: one that was replaced is known by this.
CREATE TABLE refresh_tokens (
    digest bytea PRIMARY KEY,
    family_id bytea NOT NULL REFERENCES token_families (id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_of_family ON refresh_tokens (family_id);

-- What terminals ask for, until a person decides.
CREATE TABLE device_requests (
    digest bytea PRIMARY KEY,
    user_code bytea NOT NULL UNIQUE,
    client_id text NOT NULL,
    scopes text NOT NULL,
    resources text NOT NULL,
    expires_at bigint NOT NULL,
    interval_ms bigint NOT NULL,
    polled_at bigint,
    -- 0: pending, 1: approved, 2: denied, 3: redeemed.
    state bigint NOT NULL,
    user_id bytea REFERENCES users (id),
    family_id bytea,
    version bigint NOT NULL
);
CREATE INDEX device_requests_of_client ON device_requests (client_id, expires_at);
CREATE INDEX device_requests_by_end ON device_requests (expires_at);
CREATE INDEX device_requests_of_user ON device_requests (user_id) WHERE user_id IS NOT NULL;

-- How an app got a key.
CREATE TABLE connected_keys (
    key_id bytea PRIMARY KEY REFERENCES user_keys (id),
    user_id bytea NOT NULL REFERENCES users (id),
    client_id text NOT NULL,
    family_id bytea,
    -- The browser's session that asked, where the key was made on a page of ours.
    session_id bytea,
    -- At which resources the key of an app may be used, one a line; none for all of ours.
    resources text NOT NULL DEFAULT ''
);
CREATE INDEX connected_keys_of_user ON connected_keys (user_id);
CREATE INDEX connected_keys_of_family ON connected_keys (family_id) WHERE family_id IS NOT NULL;

-- What a person has asked for about their data. After a deletion the row stays, under the opaque id.
CREATE TABLE person_privacy (
    user_id bytea PRIMARY KEY REFERENCES users (id),
    restricted_at bigint,
    objected_at bigint,
    deletion_asked_at bigint,
    deletion_due_at bigint,
    erased_at bigint
);
CREATE INDEX person_privacy_due ON person_privacy (deletion_due_at) WHERE deletion_due_at IS NOT NULL;

-- Published versions of the policy, and how far people were told of each.
CREATE TABLE policy_versions (
    version text PRIMARY KEY,
    effective_at bigint NOT NULL,
    summary text NOT NULL,
    published_at bigint NOT NULL,
    told_until bytea NOT NULL,
    told bigint NOT NULL DEFAULT 0,
    told_at bigint
);

-- Kinds of notices that a person has switched off. Whoever has no row gets them all.
CREATE TABLE muted_notices (
    user_id bytea NOT NULL REFERENCES users (id),
    kind text NOT NULL,
    since bigint NOT NULL,
    PRIMARY KEY (user_id, kind)
);

-- The alarms that fire, and those that have ended and of whose end nobody was told yet. A row is written when an alarm fires,
-- is repeated or ends, and when that was told.
CREATE TABLE alarms (
    alarm text NOT NULL,
    labels text NOT NULL,
    summary text NOT NULL,
    since bigint NOT NULL,
    told_at bigint NOT NULL,
    repeats bigint NOT NULL,
    ended_at bigint,
    is_told boolean NOT NULL,
    PRIMARY KEY (alarm, labels)
);

-- A row is locked by whoever does something that one at a time may do, of all processes.
CREATE TABLE locks (
    name text PRIMARY KEY
);
INSERT INTO locks (name) VALUES ('device_requests'), ('price_books'), ('usage_model');
