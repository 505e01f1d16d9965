//! Executes admin requests: the same code behind the socket and in the admin tool.

use super::amount_view::AmountView;
use super::backup;
use super::config_reload::ConfigReload;
use super::progress::Running;
use super::reply::{AdminReply, Refusal, RefusalCode};
use super::request::{
    AddKey, AddPartner, AddUser, AdminRequest, CorrectCredits, CorrectionWay, EmailChange, EmailOfUser, EntriesOf,
    GrantCredits, LIST_MAX, LedgerEntries, ListPartners, ListUsers, OfUser, VerifyHead,
};
use super::values::Amount;
use super::views::{BalanceView, ChainView, EntryView, HoldView, KeyView};
use opencredits_backup::Source;
use opencredits_ledger::{ChainHead, LedgerError, Replay, VerifyReport};
use opencredits_service::access::AccessLog;
use opencredits_service::accounts::{
    Accounts, AccountsError, Correction, CorrectionKind, EntryFilter, Grant, NewKey, NewLimit, NewPartner, NewUser,
    Wallet, check_address,
};
use opencredits_service::alarms::Alarms;
use opencredits_service::jobs::Jobs;
use opencredits_service::prices::Prices;
use opencredits_service::privacy::{Exporter, Privacy};
use opencredits_service::provider_bills::ProviderReconciliation;
use opencredits_service::purchases::Purchases;
use opencredits_store::{Key, Rates, Standing, Store, StoreError};
use opencredits_units::{CreditPrice, NanoUsd, Progress};
use std::num::NonZeroU32;
use std::sync::Arc;

pub(super) type Answer = Result<AdminReply, Refusal>;

/// Why there is no backup.
const NO_FILES: &str = "these accounts are not in files, so there is nothing to back up";
const IN_DATABASE: &str = "the data is in PostgreSQL: back it up with its own tools (pg_basebackup, pg_dump)";

/// The largest number of open holds that are listed; further ones are only counted.
const HOLDS_MAX: usize = 1_000;

/// Executes admin requests.
#[derive(Clone)]
pub struct Admin {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) price: CreditPrice,
    pub(crate) purchases: Option<Arc<Purchases>>,
    pub(crate) stored: Option<Arc<dyn Store>>,
    pub(crate) jobs: Option<Arc<Jobs>>,
    pub(super) alarms: Option<Arc<Alarms>>,
    pub(crate) prices: Option<Arc<Prices>>,
    pub(super) providers: Option<Arc<ProviderReconciliation>>,
    pub(crate) privacy: Option<(Arc<Privacy>, Arc<Exporter>)>,
    /// The access log of the gateway that runs.
    pub(super) access: Option<Arc<AccessLog>>,
    /// Requests whose progress can be asked for.
    pub(super) running: Arc<Running>,
    /// The progress of this request.
    pub(super) progress: Progress,
    pub(super) reload: Option<Arc<dyn ConfigReload>>,
    files: Option<Source>,
}

impl Admin {
    /// An executor on these accounts; `price` is that of one credit.
    #[must_use]
    pub fn new(accounts: Arc<Accounts>, price: CreditPrice) -> Self {
        Self {
            accounts,
            price,
            purchases: None,
            stored: None,
            jobs: None,
            alarms: None,
            prices: None,
            providers: None,
            privacy: None,
            access: None,
            running: Arc::default(),
            progress: Progress::default(),
            reload: None,
            files: None,
        }
    }

    /// Answers about orders by these use cases, where credits are sold.
    #[must_use]
    pub fn of_purchases(mut self, purchases: Option<Arc<Purchases>>) -> Self {
        self.purchases = purchases;
        self
    }

    /// Answers about jobs by these.
    #[must_use]
    pub fn of_jobs(mut self, jobs: Arc<Jobs>) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Answers about price books by these use cases.
    #[must_use]
    pub fn of_prices(mut self, prices: Arc<Prices>) -> Self {
        self.prices = Some(prices);
        self
    }

    /// Answers about the bills of providers by this comparison.
    #[must_use]
    pub fn of_providers(mut self, providers: Arc<ProviderReconciliation>) -> Self {
        self.providers = Some(providers);
        self
    }

    /// Makes backups of these files, which are those of the accounts; shows the orders and jobs in them as they are stored,
    /// where nothing runs that knows more.
    #[must_use]
    pub fn of_files(mut self, files: Source) -> Self {
        self.stored = Some(files.store.clone().into());
        self.files = Some(files);
        self
    }

    /// Shows the orders and jobs as they are stored in a database, which is backed up by its own tools.
    #[must_use]
    pub fn of_store(mut self, store: Arc<dyn Store>) -> Self {
        self.stored = Some(store);
        self
    }

    /// Executes a request.
    ///
    /// # Errors
    /// A [`Refusal`] with the problem and its remedy.
    pub async fn answer(&self, request: AdminRequest) -> Answer {
        match request {
            AdminRequest::AddUser(new) => self.add_user(new).await,
            AdminRequest::ListUsers(which) => self.list_users(which).await,
            AdminRequest::ShowUser(which) => self.show_user(which).await,
            AdminRequest::RenameUser(new) => self.rename_user(new).await,
            AdminRequest::RotateKey(which) => self.rotate_key(which).await,
            AdminRequest::Jobs(request) => self.jobs(request).await,
            AdminRequest::Alarms(request) => self.alarms(request).await,
            AdminRequest::UserEmail(which) => self.user_email(which).await,
            AdminRequest::Identity(request) => self.identity(request).await,
            AdminRequest::AddKey(new) => self.add_key(new).await,
            AdminRequest::SuspendUser(who) => self.set_standing(who, Standing::Suspended).await,
            AdminRequest::ResumeUser(who) => self.set_standing(who, Standing::Good).await,
            AdminRequest::SetLimit(new) => self.set_limit(new).await,
            AdminRequest::AddManagementKey(new) => self.add_management_key(new).await,
            AdminRequest::EditKey(change) => self.edit_key(*change).await,
            AdminRequest::ListChanges(which) => self.changes(which).await,
            AdminRequest::ListKeys(whose) => self.list_keys(whose).await,
            AdminRequest::RevokeKey(which) => self.revoke_key(which).await,
            AdminRequest::AddPartner(new) => self.add_partner(new).await,
            AdminRequest::ListPartners(which) => self.list_partners(which).await,
            AdminRequest::Partners(request) => self.partners(request).await,
            AdminRequest::Prices(request) => self.prices(request).await,
            AdminRequest::Reload(request) => self.reload(request).await,
            AdminRequest::GrantCredits(grant) => self.grant(grant).await,
            AdminRequest::CorrectCredits(correction) => self.correct(correction).await,
            AdminRequest::Orders(request) => self.orders(request).await,
            AdminRequest::Providers(request) => self.providers(request).await,
            AdminRequest::Privacy(request) => self.privacy(request).await,
            AdminRequest::Balance(whose) => self.balance(whose).await,
            AdminRequest::LedgerEntries(which) => self.entries(which).await,
            AdminRequest::LedgerHolds => self.holds().await,
            AdminRequest::LedgerVerify => Ok(verified(self.accounts.verify_watched(None, &self.progress).await?, None)),
            AdminRequest::LedgerVerifyHead(which) => self.verify_head(which).await,
            AdminRequest::LedgerHead => self.head().await,
            AdminRequest::Usage(which) => self.show_usage(which).await,
            AdminRequest::Generation(which) => self.show_generation(which).await,
            AdminRequest::CheckBill(which) => self.check_bill(which).await,
            AdminRequest::CheckBills(which) => self.check_bills(which).await,
            AdminRequest::LedgerReport(which) => self.report_balances(which).await,
            AdminRequest::Progress { id } => Ok(self.progress_of(id)),
            AdminRequest::Backup(order) => match &self.files {
                Some(files) => backup::take(files.clone(), order, &self.progress).await,
                None => Err(Refusal::invalid(if self.stored.is_some() { IN_DATABASE } else { NO_FILES })),
            },
        }
    }

    pub(super) const fn price(&self) -> CreditPrice {
        self.price
    }

    async fn add_user(&self, new: AddUser) -> Answer {
        let AddUser { id, label, email } = new;
        let email = email.map(|email| check_address(&email)).transpose()?;
        if let Some(email) = &email {
            self.accounts.check_free(email, id).await?;
        }
        let user = self.accounts.add_user(NewUser { id, label }).await?;
        if let Some(email) = email {
            self.accounts.set_email(user.id, email.as_str()).await?;
        }
        Ok(AdminReply::UserAdded { user: user.into() })
    }

    async fn user_email(&self, which: EmailOfUser) -> Answer {
        let user = self.accounts.find_user(&which.user).await?;
        match which.change {
            EmailChange::Show => {}
            EmailChange::Set(address) => self.accounts.set_email(user.id, &address).await?,
            EmailChange::Remove => self.accounts.remove_email(user.id).await?,
        }
        let email = self.accounts.email_of(user.id).await?;
        let bounced_at_ms = email.as_ref().and_then(|email| email.bounced_at);
        Ok(AdminReply::UserEmail { user: user.into(), address: email.map(|email| email.address), bounced_at_ms })
    }

    async fn list_users(&self, which: ListUsers) -> Answer {
        let (after, max) = (which.after.unwrap_or_default(), most(which.max));
        let users = self.accounts.list_users(after, max).await?;
        Ok(AdminReply::Users {
            next: last_of_full(&users, max).map(|user| user.id),
            users: users.into_iter().map(Into::into).collect(),
        })
    }

    async fn add_partner(&self, new: AddPartner) -> Answer {
        let (name, share) = (new.name, new.share_bps);
        self.added(self.accounts.add_partner(NewPartner { name, share, markup: None }).await?).await
    }

    async fn list_partners(&self, which: ListPartners) -> Answer {
        let (after, max) = (which.after.unwrap_or_default(), most(which.max));
        let partners = self.accounts.list_partners(after, max).await?;
        Ok(AdminReply::Partners {
            next: last_of_full(&partners, max).map(|partner| partner.id),
            partners: partners.into_iter().map(Into::into).collect(),
        })
    }

    async fn add_key(&self, new: AddKey) -> Answer {
        let user = self.accounts.find_user(&new.user).await?.id;
        let partner = match &new.partner {
            Some(name) => Some(self.accounts.find_partner(name).await?.id),
            None => None,
        };
        let limit = new.limit.map(|limit| self.amount(&limit)).transpose()?;
        if limit.is_none() && new.limit_reset.is_some() {
            return Err(Refusal::invalid("a key without a limit has none that begins anew; give it a limit too"));
        }
        let new = NewKey {
            user,
            partner,
            name: new.name,
            limit: limit.map(|amount| NewLimit { amount, reset: new.limit_reset.map(Into::into) }),
            expires_at: new.expires_at_ms,
            allowed_models: new.models,
            rates: Rates {
                requests_per_minute: new.rates.requests_per_minute.and_then(NonZeroU32::new),
                tokens_per_minute: new.rates.tokens_per_minute.and_then(NonZeroU32::new),
                parallel_max: new.rates.parallel_max.and_then(NonZeroU32::new),
            },
        };
        let (key, secret) = self.accounts.add_key(new).await?;
        Ok(AdminReply::KeyAdded { key: secret.reveal().to_owned(), record: self.key(key).await? })
    }

    async fn list_keys(&self, whose: OfUser) -> Answer {
        let user = self.accounts.find_user(&whose.user).await?;
        let keys = self.keys_of(user.id).await?;
        let management = self.accounts.management_keys(user.id).await?.into_iter().map(Into::into).collect();
        Ok(AdminReply::Keys { keys, management })
    }

    async fn grant(&self, grant: GrantCredits) -> Answer {
        let user = self.accounts.find_user(&grant.user).await?;
        let amount = self.amount(&grant.amount)?;
        let grant = Grant { user: user.id, amount, id: grant.id, reason: grant.reason };
        let granted = self.accounts.grant_credits(grant).await?;
        Ok(AdminReply::CreditsGranted {
            id: granted.id,
            replayed: granted.replay != Replay::First,
            amount: AmountView::new(amount, self.price),
            balance: BalanceView::new(user, granted.balance, self.price),
        })
    }

    async fn correct(&self, correction: CorrectCredits) -> Answer {
        let kind = match (correction.way, correction.generation) {
            (CorrectionWay::Refund, Some(of)) => CorrectionKind::Refund(of),
            (CorrectionWay::Refund, None) => {
                return Err(Refusal::invalid("a refund is of a request; name it, or use credits correct".to_owned()));
            }
            (_, Some(_)) => return Err(Refusal::invalid("only a refund is of a request".to_owned())),
            (CorrectionWay::Take, None) => CorrectionKind::Take,
            (CorrectionWay::Add, None) => CorrectionKind::Add,
            (CorrectionWay::Deduct, None) => CorrectionKind::Deduct,
        };
        let (amount, id) = (self.amount(&correction.amount)?, correction.id);
        let correction = Correction { user: correction.user, kind, amount, id, reason: correction.reason };
        let corrected = self.accounts.correct(correction).await?;
        Ok(AdminReply::CreditsCorrected {
            id: corrected.id,
            replayed: corrected.replay != Replay::First,
            balance: BalanceView::new(corrected.user, corrected.balance, self.price),
        })
    }

    async fn balance(&self, whose: OfUser) -> Answer {
        let Wallet { user, balance } = self.accounts.balance(&whose.user).await?;
        Ok(AdminReply::Balance { balance: BalanceView::new(user, balance, self.price) })
    }

    async fn entries(&self, which: LedgerEntries) -> Answer {
        let account = match which.of {
            EntriesOf::All => None,
            EntriesOf::Account(account) => Some(account),
            EntriesOf::User(name) => Some(self.accounts.find_user(&name).await?.wallet),
            EntriesOf::Named(name) => Some(self.accounts.find_account(&name).await?),
        };
        let max = usize::try_from(most(which.max)).unwrap_or(usize::MAX);
        let during = (which.from_ms.unwrap_or_default(), which.until_ms);
        let page = self.accounts.latest_entries(EntryFilter { account }, during, which.after, max).await?;
        let entries = page.entries.into_iter();
        Ok(AdminReply::Entries {
            entries: entries.map(|entry| EntryView::new(entry, self.price)).collect(),
            next: page.next,
        })
    }

    async fn holds(&self) -> Answer {
        let holds = self.accounts.holds().await?;
        let listed = holds.iter().take(HOLDS_MAX).map(|hold| HoldView::new(hold, self.price));
        Ok(AdminReply::Holds { holds: listed.collect(), total: holds.len() })
    }

    async fn verify_head(&self, which: VerifyHead) -> Answer {
        let head: ChainHead =
            which.head.parse().map_err(|error| Refusal::invalid(format!("{}: {error}", which.head)))?;
        Ok(verified(self.accounts.verify_watched(Some(head), &self.progress).await?, Some(which.head)))
    }

    async fn head(&self) -> Answer {
        let head = self.accounts.ledger_head().await?;
        let head = head.ok_or_else(|| Refusal::invalid("a ledger in memory has no hash chain"))?;
        Ok(AdminReply::Head { head: head.to_string(), commits: head.commit, entries: head.entries })
    }

    pub(super) async fn key(&self, key: Key) -> Result<KeyView, Refusal> {
        let limit = self.accounts.left_of(key.limit).await?;
        Ok(KeyView::new(key, limit, self.price))
    }

    pub(super) fn amount(&self, amount: &Amount) -> Result<NanoUsd, Refusal> {
        match amount {
            Amount::Usd(usd) => Ok(*usd),
            Amount::Credits(text) => self
                .price
                .parse(text)
                .map_err(|error| Refusal::invalid(format!("{text} is no amount of credits: {error}"))),
        }
    }
}

fn verified(report: VerifyReport, checked_head: Option<String>) -> AdminReply {
    AdminReply::Verified {
        clean: report.is_clean(),
        accounts: report.accounts,
        entries: report.entries,
        holds: report.holds,
        findings: report.findings.iter().map(ToString::to_string).collect(),
        findings_total: report.findings_total,
        chain: report.chain.map(ChainView::new),
        checked_head,
    }
}

pub(super) fn most(asked: u32) -> u32 {
    asked.clamp(1, LIST_MAX)
}

/// The cursor of a page that may have a next one.
pub(super) fn last_of_full<T>(rows: &[T], max: u32) -> Option<&T> {
    let full = usize::try_from(max).is_ok_and(|max| rows.len() >= max);
    rows.last().filter(|_| full)
}

impl From<AccountsError> for Refusal {
    fn from(error: AccountsError) -> Self {
        Self { code: code_of(&error), refused: error.to_string() }
    }
}

const fn code_of(error: &AccountsError) -> RefusalCode {
    match error {
        AccountsError::NoUser { .. }
        | AccountsError::NoKey { .. }
        | AccountsError::NoPartner { .. }
        | AccountsError::NoModel(_) => RefusalCode::NotFound,
        AccountsError::UserExists { .. }
        | AccountsError::KeyExists { .. }
        | AccountsError::PartnerExists { .. }
        | AccountsError::Store(StoreError::Exists)
        | AccountsError::Ledger(LedgerError::IdempotencyMismatch { .. }) => RefusalCode::Conflict,
        AccountsError::Invalid { .. }
        | AccountsError::NotMatured { .. }
        | AccountsError::Ledger(LedgerError::Amount) => RefusalCode::Invalid,
        _ => RefusalCode::Failed,
    }
}
