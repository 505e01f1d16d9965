//! The kinds of rows that are held, in whichever engine.

/// A kind of rows: its name, what it is counted by, the time of its oldest, and how long it is kept.
pub(crate) struct Kind {
    pub(crate) kind: &'static str,
    pub(crate) from: &'static str,
    pub(crate) oldest: Option<&'static str>,
    pub(crate) setting: Option<&'static str>,
    pub(crate) kept: &'static str,
}

const fn kind(kind: &'static str, from: &'static str, oldest: Option<&'static str>) -> Kind {
    Kind { kind, from, oldest, setting: None, kept: "" }
}

impl Kind {
    const fn by(self, setting: &'static str) -> Self {
        Self { setting: Some(setting), ..self }
    }

    const fn kept(self, kept: &'static str) -> Self {
        Self { kept, ..self }
    }
}

const PERSON: &str = "until the person is deleted";
const BOOKS: &str = "for ever, as books";
const CREATED: Option<&str> = Some("created_at");
pub(crate) const KINDS: [Kind; 29] = [
    kind("people", "users WHERE id NOT IN (SELECT user_id FROM person_privacy WHERE erased_at IS NOT NULL)", CREATED)
        .kept(PERSON),
    kind("deleted people", "person_privacy WHERE erased_at IS NOT NULL", Some("erased_at")).kept(BOOKS),
    kind("deletions under way", "person_privacy WHERE deletion_due_at IS NOT NULL", Some("deletion_asked_at"))
        .by("privacy.deletion_grace_days"),
    kind("restrictions", "person_privacy WHERE restricted_at IS NOT NULL", Some("restricted_at")).kept(PERSON),
    kind("objections", "person_privacy WHERE objected_at IS NOT NULL", Some("objected_at")).kept(PERSON),
    kind("notices that are switched off", "muted_notices", Some("since")).kept(PERSON),
    kind("addresses", "user_emails", None).kept(PERSON),
    kind("addresses that are not encrypted", "user_emails WHERE sealed IS NULL", None)
        .kept("until a key is set and rotate-address-keys has run"),
    kind("keys", "user_keys WHERE revoked_at IS NULL", CREATED).kept(PERSON),
    kind("revoked keys", "user_keys WHERE revoked_at IS NOT NULL", Some("revoked_at")).kept(BOOKS),
    kind("management keys", "management_keys", CREATED).kept(PERSON),
    kind("sessions", "sessions", CREATED).kept("14 days unused, 90 days in all"),
    kind("passkeys", "passkeys", CREATED).kept(PERSON),
    kind("acceptances of the terms", "terms_acceptances", Some("accepted_at")).kept(PERSON),
    kind("mailed codes", "code_challenges", CREATED).kept("5 minutes"),
    kind("mailed links", "mailed_links", None).kept("24 hours"),
    kind("attempts to sign in", "attempt_buckets", None).kept("until they limit nobody any more"),
    kind("earlier secrets of keys", "retired_secrets", None).kept("an hour after their end"),
    kind("limits of people", "person_caps", None).kept(PERSON),
    kind("limits of apps at people", "grants", None).kept(PERSON),
    kind("payers", "payers", None).kept(PERSON),
    kind("orders", "orders WHERE state NOT IN (3, 4) OR booking <> 0", CREATED).kept(BOOKS),
    kind("unpaid orders", "orders WHERE state IN (3, 4) AND booking = 0", CREATED).by("retention.unpaid_order_days"),
    kind("partner applications", "partner_applications", CREATED).by("retention.application_days"),
    kind("mails with recipient and figures", "mail_outbox WHERE user_id IS NOT NULL", CREATED).by("email.keep_days"),
    kind("mails without", "mail_outbox WHERE user_id IS NULL", CREATED).by("retention.mail_days"),
    kind("records of changes", "audit", Some("at")).by("retention.audit_days"),
    kind("index of requests, in blocks", "usage_blocks", Some("first_ms")).by("retention.request_index_days"),
    kind("claims on idempotency keys", "claims", Some("claimed_at")).kept("a day"),
];
