//! The kinds of an export: their columns, and how their rows are read.

use super::exporter::Exporter;
use super::grants;
use super::rows::{Cursor, Described, PAGE, Page, Row, full, time, time_or_null};
use crate::privacy::error::PrivacyError;
use crate::purchases::debt_of;
use crate::record::GenerationRecord;
use crate::usage::{Generation, GenerationFilter, GenerationStatus};
use opencredits_ledger::LedgerError;
use opencredits_store::{
    Key, LimitOwner, MailId, ManagementKeyRecord, Order, SpendingLimit, Standing, UsageFilter, UsageOf, User,
};
use opencredits_units::{AccountId, EntryId, NanoUsd, OrderId, PartnerId, UnixMs, UserId};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The most applications of a person that are read; more cannot be open.
const APPLICATIONS_MAX: u32 = 1_000;

/// A kind of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Account,
    Addresses,
    Acceptances,
    Sessions,
    Passkeys,
    Keys,
    ManagementKeys,
    Limits,
    Apps,
    AuthorizationCodes,
    TokenFamilies,
    DeviceRequests,
    ConnectedKeys,
    Notices,
    Applications,
    Payment,
    Orders,
    Transactions,
    Requests,
    Mails,
    Changes,
}

impl Section {
    pub(super) const ALL: [Self; 21] = [
        Self::Account,
        Self::Addresses,
        Self::Acceptances,
        Self::Sessions,
        Self::Passkeys,
        Self::Keys,
        Self::ManagementKeys,
        Self::Limits,
        Self::Apps,
        Self::AuthorizationCodes,
        Self::TokenFamilies,
        Self::DeviceRequests,
        Self::ConnectedKeys,
        Self::Notices,
        Self::Applications,
        Self::Payment,
        Self::Orders,
        Self::Transactions,
        Self::Requests,
        Self::Mails,
        Self::Changes,
    ];

    /// The name of its files.
    pub(super) const fn name(self) -> &'static str {
        self.described().0
    }

    /// What each column of a row is called.
    pub(super) const fn columns(self) -> &'static [&'static str] {
        self.described().2
    }

    const fn described(self) -> Described {
        match self {
            Self::Account => {
                ("account", "Your account, its balance, and what you asked for about your data.", &ACCOUNT)
            }
            Self::Addresses => ("addresses", "Your email address.", &["address", "takes_no_mail_since"]),
            Self::Acceptances => {
                ("acceptances", "The versions of the terms that you accepted.", &["version", "is_16", "accepted_at"])
            }
            Self::Sessions => {
                ("sessions", "Browsers that are signed in.", &["id", "browser", "created_at", "last_used_at"])
            }
            Self::Passkeys => (
                "passkeys",
                "Passkeys that you registered, without their public keys.",
                &["id", "name", "is_backed_up", "created_at", "last_used_at"],
            ),
            Self::Keys => ("keys", "Your keys, without their secrets: only a digest of those is kept.", &KEYS),
            Self::ManagementKeys => (
                "management_keys",
                "Your management keys, without their secrets.",
                &["id", "name", "hint", "created_at", "revoked_at"],
            ),
            Self::Limits => ("limits", "The limit over all of your keys.", &["limit_usd", "limit_reset"]),
            Self::Apps => ("apps", "Apps that made keys for you, and their limits.", &APPS),
            Self::AuthorizationCodes => grants::CODES,
            Self::TokenFamilies => grants::FAMILIES,
            Self::DeviceRequests => grants::DEVICES,
            Self::ConnectedKeys => grants::CONNECTED,
            Self::Notices => grants::NOTICES,
            Self::Applications => ("applications", "Apps that you applied to run as a partner.", &APPLICATIONS),
            Self::Payment => ("payment", "How you pay. Card data is with the payment processor only.", &PAYMENT),
            Self::Orders => ("orders", "Your purchases.", &ORDERS),
            Self::Transactions => {
                ("transactions", "What came into your balance and left it.", &["id", "at", "amount_usd", "reason"])
            }
            Self::Requests => {
                ("requests", "Every request and its bill. Prompts and answers are never stored.", &REQUESTS)
            }
            Self::Mails => {
                ("mails", "Mails to you, without their text.", &["id", "kind", "created_at", "sent_at", "failed_at"])
            }
            Self::Changes => (
                "changes",
                "Who changed what about your account.",
                &["id", "at", "actor", "action", "subject", "detail"],
            ),
        }
    }
}

const ACCOUNT: [&str; 9] = [
    "id",
    "label",
    "created_at",
    "is_suspended",
    "balance_usd",
    "debt_usd",
    "restricted_since",
    "objected_since",
    "deletion_at",
];
const KEYS: [&str; 13] = [
    "id",
    "name",
    "hint",
    "app_id",
    "created_at",
    "revoked_at",
    "expires_at",
    "limit_usd",
    "limit_reset",
    "allowed_models",
    "requests_per_minute",
    "tokens_per_minute",
    "is_disabled",
];
const APPS: [&str; 5] = ["id", "name", "keys", "limit_usd", "limit_reset"];
const APPLICATIONS: [&str; 8] = ["id", "name", "url", "origins", "redirect_urls", "state", "created_at", "decided_at"];
const PAYMENT: [&str; 7] = [
    "processor_customer",
    "has_saved_method",
    "top_up",
    "top_up_below_usd",
    "top_up_amount_minor",
    "top_up_currency",
    "top_up_monthly_max_minor",
];
const ORDERS: [&str; 10] = [
    "id",
    "created_at",
    "state",
    "app_id",
    "currency",
    "amount_minor",
    "fee_minor",
    "credits_usd",
    "bonus_usd",
    "processor_payment",
];
const REQUESTS: [&str; 23] = [
    "id",
    "at",
    "key_id",
    "app_id",
    "api",
    "model",
    "provider",
    "provider_answer_id",
    "finish_reason",
    "service_tier",
    "status",
    "streamed",
    "usage_source",
    "latency_ms",
    "duration_ms",
    "price_book",
    "lines",
    "side_bills",
    "markup_bps",
    "partner_share_bps",
    "cost_usd",
    "charged_usd",
    "failed_attempts",
];

/// The page that says what each file is.
pub(super) fn readme(user: UserId, now: UnixMs) -> String {
    let at = time(now);
    let at = at.as_str().unwrap_or_default();
    let mut text = format!(
        "Everything that is kept about the account {user}, as of {at}.\r\n\r\n\
         Each file is there as JSON and as CSV with the same rows. Times are UTC. Amounts in dollars are exact; amounts that end \
         in _minor are in the smallest unit of their currency, such as cents.\r\n\r\n"
    );
    for section in Section::ALL {
        let (name, what, _) = section.described();
        text.push_str(&format!("{name}: {what}\r\n"));
    }
    text.push_str(
        "\r\nPrompts, answers, files and network addresses are not here because they are not stored. Secrets of keys and \
         sessions are not here because only digests of them are stored.\r\n",
    );
    text
}

impl Exporter {
    pub(super) async fn page(&self, section: Section, user: &User, from: Cursor) -> Page {
        let rows = match section {
            Section::Orders => return self.orders(user.id, from).await,
            Section::Transactions => return self.transactions(user.wallet, from).await,
            Section::Requests => return self.requests(user.id, from).await,
            Section::Mails => return self.mails(user.id, from).await,
            Section::Changes => return self.changes(user.id, from).await,
            Section::AuthorizationCodes => return self.codes(user.id, from).await,
            Section::TokenFamilies => return self.families(user.id, from).await,
            Section::DeviceRequests => return self.devices(user.id, from).await,
            Section::ConnectedKeys => self.connected(user.id).await?,
            Section::Notices => self.notices(user.id).await?,
            Section::Account => vec![self.account(user).await?],
            Section::Addresses => self.addresses(user.id).await?,
            Section::Acceptances => self.acceptances(user.id).await?,
            Section::Sessions => self.sessions(user.id).await?,
            Section::Passkeys => self.passkeys(user.id).await?,
            Section::Keys => self.tables.accounts.keys.keys_of(user.id).await?.into_iter().map(key).collect(),
            Section::ManagementKeys => {
                let keys = self.tables.accounts.management.management_keys_of(user.id).await?;
                keys.into_iter().map(management_key).collect()
            }
            Section::Limits => {
                let limit = self.tables.accounts.limits.spending_limit(LimitOwner::Person(user.id)).await?;
                limit.into_iter().map(|limit| limit_cells(Some(limit)).into()).collect()
            }
            Section::Apps => self.apps(user.id).await?,
            Section::Applications => self.applications(user.id).await?,
            Section::Payment => self.payment(user.id).await?,
        };
        Ok((rows, None))
    }

    async fn account(&self, user: &User) -> Result<Row, PrivacyError> {
        let state = self.tables.states.privacy_of(user.id).await?;
        let debt = self.posted(debt_of(user.id)).await?.checked_neg().unwrap_or_default();
        let balance = self.posted(user.wallet).await?;
        Ok(vec![
            json!(user.id),
            json!(user.label),
            time(user.created_at),
            json!(user.standing == Standing::Suspended),
            json!(balance),
            json!(debt.max(NanoUsd::ZERO)),
            time_or_null(state.restricted_at),
            time_or_null(state.objected_at),
            time_or_null(state.deletion_due_at),
        ])
    }

    async fn posted(&self, account: AccountId) -> Result<NanoUsd, PrivacyError> {
        match self.ledger.balance(account).await {
            Ok(balance) => Ok(balance.posted),
            Err(LedgerError::UnknownAccount { .. }) => Ok(NanoUsd::ZERO),
            Err(error) => Err(error.into()),
        }
    }

    async fn addresses(&self, user: UserId) -> Result<Vec<Row>, PrivacyError> {
        let email = self.tables.accounts.emails.email_of(user).await?;
        Ok(email.into_iter().map(|email| vec![json!(email.address), time_or_null(email.bounced_at)]).collect())
    }

    async fn acceptances(&self, user: UserId) -> Result<Vec<Row>, PrivacyError> {
        let accepted = self.tables.standings.accepted_terms(user).await?.into_iter();
        Ok(accepted.map(|one| vec![json!(one.version), json!(one.is_of_age), time(one.accepted_at)]).collect())
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Row>, PrivacyError> {
        let sessions = self.tables.sessions.sessions_of(user).await?.into_iter();
        let row = |one: opencredits_store::SessionRecord| {
            vec![json!(one.id), json!(one.browser), time(one.created_at), time(one.used_at)]
        };
        Ok(sessions.map(row).collect())
    }

    async fn passkeys(&self, user: UserId) -> Result<Vec<Row>, PrivacyError> {
        let passkeys = self.tables.passkeys.passkeys_of(user).await?.into_iter();
        let row = |one: opencredits_store::PasskeyRecord| {
            let times = (time(one.created_at), time_or_null(one.used_at));
            vec![json!(one.id), json!(one.name), json!(one.is_backed_up), times.0, times.1]
        };
        Ok(passkeys.map(row).collect())
    }

    async fn apps(&self, user: UserId) -> Result<Vec<Row>, PrivacyError> {
        let keys = self.tables.accounts.keys.keys_of(user).await?;
        let ids: BTreeSet<PartnerId> = keys.iter().filter_map(|key| key.partner).collect();
        let mut rows = Vec::new();
        for id in ids {
            let name = self.tables.accounts.partners.partner(id).await?.map(|partner| partner.name);
            let count = keys.iter().filter(|key| key.partner == Some(id)).count();
            let limit = self.tables.accounts.limits.spending_limit(LimitOwner::Grant(user, id)).await?;
            let [amount, reset] = limit_cells(limit);
            rows.push(vec![json!(id), json!(name), json!(count), amount, reset]);
        }
        Ok(rows)
    }

    async fn applications(&self, user: UserId) -> Result<Vec<Row>, PrivacyError> {
        let found = self.tables.accounts.applications.applications_of(user, APPLICATIONS_MAX).await?;
        let row = |one: opencredits_store::PartnerApplication| {
            vec![
                json!(one.id),
                json!(one.name),
                json!(one.url),
                json!(one.origins),
                json!(one.redirect_urls),
                json!(format!("{:?}", one.state).to_lowercase()),
                time(one.created_at),
                time_or_null(one.decided_at),
            ]
        };
        Ok(found.into_iter().map(row).collect())
    }

    async fn payment(&self, user: UserId) -> Result<Vec<Row>, PrivacyError> {
        let payer = self.tables.payers.payer(user).await?;
        let row = |payer: opencredits_store::Payer| {
            vec![
                json!(payer.customer),
                json!(payer.method.is_some()),
                json!(format!("{:?}", payer.top_up).to_lowercase()),
                json!(payer.threshold),
                json!(payer.amount_minor),
                json!(payer.currency),
                json!(payer.monthly_max_minor),
            ]
        };
        Ok(payer.into_iter().map(row).collect())
    }

    async fn orders(&self, user: UserId, from: Cursor) -> Page {
        let before: Option<OrderId> = if let Cursor::Order(id) = from { Some(id) } else { None };
        let found = self.tables.orders.orders(Some(user), before, PAGE).await?;
        let next = full(&found).map(|last| Cursor::Order(last.id));
        Ok((found.into_iter().map(order).collect(), next))
    }

    async fn transactions(&self, wallet: AccountId, from: Cursor) -> Page {
        let end = (UnixMs::new(u64::MAX), EntryId::default());
        let before = if let Cursor::Money(cursor) = from { cursor } else { end };
        let page = self.usage.transfers(wallet, (UnixMs::default(), before), PAGE).await?;
        let row = |money: crate::usage::Money| {
            let reason = std::str::from_utf8(&money.entry.memo).ok();
            let reason = reason.filter(|text| !text.is_empty() && !text.chars().any(char::is_control));
            vec![json!(money.entry.id), time(money.entry.at), json!(money.amount), json!(reason)]
        };
        Ok((page.transfers.into_iter().map(row).collect(), page.next.map(Cursor::Money)))
    }

    async fn requests(&self, user: UserId, from: Cursor) -> Page {
        let cursor = if let Cursor::Request(mark) = from { Some(mark) } else { None };
        let usage = UsageFilter::of(UsageOf::User(user));
        let filter = GenerationFilter { usage, status: None, from: UnixMs::default(), until: None };
        let page = self.usage.generations(filter, cursor, usize::try_from(PAGE).unwrap_or(usize::MAX)).await?;
        Ok((page.requests.into_iter().map(request).collect(), page.next.map(Cursor::Request)))
    }

    async fn mails(&self, user: UserId, from: Cursor) -> Page {
        let after = if let Cursor::Mail(id) = from { id } else { MailId::default() };
        let found = self.tables.states.mails_of(user, after, PAGE).await?;
        let next = full(&found).map(|last| Cursor::Mail(last.id));
        let row = |mail: opencredits_store::MailTold| {
            let ends = (time_or_null(mail.sent_at), time_or_null(mail.failed_at));
            vec![json!(mail.id), json!(mail.kind), time(mail.created_at), ends.0, ends.1]
        };
        Ok((found.into_iter().map(row).collect(), next))
    }

    async fn changes(&self, user: UserId, from: Cursor) -> Page {
        let after = if let Cursor::Change(id) = from { id } else { EntryId::default() };
        let found = self.tables.states.audits_of(user, after, PAGE).await?;
        let next = full(&found).map(|last| Cursor::Change(last.id));
        let row = |one: opencredits_store::AuditRecord| {
            let texts = [one.actor, one.action, one.subject, one.detail].map(Value::from);
            [json!(one.id), time(one.at)].into_iter().chain(texts).collect()
        };
        Ok((found.into_iter().map(row).collect(), next))
    }
}

fn limit_cells(limit: Option<SpendingLimit>) -> [Value; 2] {
    let reset = limit.and_then(|limit| limit.reset);
    [json!(limit.map(|limit| limit.amount)), json!(reset.map(opencredits_store::LimitReset::name))]
}

fn key(key: Key) -> Row {
    let [amount, reset] = limit_cells(key.limit);
    vec![
        json!(key.id),
        json!(key.name),
        json!(key.hint),
        json!(key.partner),
        time(key.created_at),
        time_or_null(key.revoked_at),
        time_or_null(key.expires_at),
        amount,
        reset,
        json!(key.allowed_models),
        json!(key.rates.requests_per_minute),
        json!(key.rates.tokens_per_minute),
        json!(key.disabled),
    ]
}

fn management_key(key: ManagementKeyRecord) -> Row {
    vec![json!(key.id), json!(key.name), json!(key.hint), time(key.created_at), time_or_null(key.revoked_at)]
}

fn order(order: Order) -> Row {
    vec![
        json!(order.id),
        time(order.created_at),
        json!(format!("{:?}", order.state).to_lowercase()),
        json!(order.partner),
        json!(order.currency),
        json!(order.amount_minor),
        json!(order.fee_minor),
        json!(order.credits),
        json!(order.bonus),
        json!(order.payment),
    ]
}

fn request(request: Generation) -> Row {
    let Generation { id, record, collected, partner } = request;
    let status = GenerationStatus::of(&record).name();
    let lines = lines(&record.lines);
    let sides: Vec<Value> =
        record.side_bills.iter().map(|side| json!({"model": side.model, "lines": self::lines(&side.lines)})).collect();
    let attempts = record.failed_attempts.iter();
    let attempts: Vec<Value> =
        attempts.map(|one| json!({"provider": one.vendor, "status": one.status, "ms": one.ms})).collect();
    let GenerationRecord { key, api, model, vendor, upstream_id, native_finish, tier, price_book, .. } = record;
    vec![
        json!(id),
        time(id.made_at()),
        json!(key),
        json!(partner),
        json!(api.name()),
        json!(model),
        json!(vendor),
        json!(upstream_id),
        json!(native_finish),
        json!(tier),
        json!(status),
        json!(record.streamed),
        json!(format!("{:?}", record.source).to_lowercase()),
        json!(record.latency_ms),
        json!(record.duration_ms),
        json!(price_book.to_string()),
        lines,
        json!(sides),
        json!(record.markup),
        json!(record.partner_share),
        json!(record.cost),
        json!(collected),
        json!(attempts),
    ]
}

fn lines(lines: &[crate::record::Line]) -> Value {
    let line = |line: &crate::record::Line| json!({"item": line.name(), "quantity": line.quantity(), "rate_pico_usd": line.rate().get()});
    lines.iter().map(line).collect()
}
