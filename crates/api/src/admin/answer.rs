//! Executes admin requests: the same code behind the socket and in the admin tool.

use super::backup;
use super::reply::{AdminReply, Refusal, RefusalCode};
use super::request::{
    AddKey, AddPartner, AddUser, AdminRequest, Amount, EntriesOf, GrantCredits, LIST_MAX, LedgerEntries, ListPartners,
    ListUsers, OfUser, RevokeKey, VerifyHead,
};
use super::views::{AmountView, BalanceView, ChainView, EntryView, HoldView, KeyView};
use opencredits_backup::Source;
use opencredits_ledger::{ChainHead, LedgerError, Replay, VerifyReport};
use opencredits_service::accounts::{
    Accounts, AccountsError, EntryFilter, Grant, NewKey, NewLimit, NewPartner, NewUser, Wallet,
};
use opencredits_store::{Key, StoreError};
use opencredits_units::{CreditPrice, NanoUsd};
use std::sync::Arc;

type Answer = Result<AdminReply, Refusal>;

/// The largest number of open holds that are listed; further ones are only counted.
const HOLDS_MAX: usize = 1_000;

/// Executes admin requests.
#[derive(Clone)]
pub struct Admin {
    pub(super) accounts: Arc<Accounts>,
    price: CreditPrice,
    files: Option<Source>,
}

impl Admin {
    /// An executor on these accounts; `price` is that of one credit.
    #[must_use]
    pub const fn new(accounts: Arc<Accounts>, price: CreditPrice) -> Self {
        Self { accounts, price, files: None }
    }

    /// Makes backups of these files, which are those of the accounts.
    #[must_use]
    pub fn of_files(mut self, files: Source) -> Self {
        self.files = Some(files);
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
            AdminRequest::AddKey(new) => self.add_key(new).await,
            AdminRequest::ListKeys(whose) => self.list_keys(whose).await,
            AdminRequest::RevokeKey(which) => self.revoke_key(which).await,
            AdminRequest::AddPartner(new) => self.add_partner(new).await,
            AdminRequest::ListPartners(which) => self.list_partners(which).await,
            AdminRequest::GrantCredits(grant) => self.grant(grant).await,
            AdminRequest::Balance(whose) => self.balance(whose).await,
            AdminRequest::LedgerEntries(which) => self.entries(which).await,
            AdminRequest::LedgerHolds => Ok(self.holds()),
            AdminRequest::LedgerVerify => Ok(verified(self.accounts.verify().await?, None)),
            AdminRequest::LedgerVerifyHead(which) => self.verify_head(which).await,
            AdminRequest::LedgerHead => self.head().await,
            AdminRequest::Usage(which) => self.show_usage(which).await,
            AdminRequest::Generation(which) => self.show_generation(which).await,
            AdminRequest::CheckBill(which) => self.check_bill(which).await,
            AdminRequest::CheckBills(which) => self.check_bills(which).await,
            AdminRequest::LedgerReport(which) => self.report_balances(which).await,
            AdminRequest::Backup(order) => match &self.files {
                Some(files) => backup::take(files.clone(), order).await,
                None => Err(Refusal::invalid("these accounts are not in files, so there is nothing to back up")),
            },
        }
    }

    pub(super) const fn price(&self) -> CreditPrice {
        self.price
    }

    async fn add_user(&self, new: AddUser) -> Answer {
        let AddUser { id, label } = new;
        let user = self.accounts.add_user(NewUser { id, label }).await?;
        Ok(AdminReply::UserAdded { user: user.into() })
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
        let partner = self.accounts.add_partner(NewPartner { name, share }).await?;
        Ok(AdminReply::PartnerAdded { partner: partner.into() })
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
        let new = NewKey {
            user,
            partner,
            name: new.name,
            limit: limit.map(|amount| NewLimit { amount }),
            expires_at: new.expires_at_ms,
            allowed_models: new.models,
        };
        let (key, secret) = self.accounts.add_key(new).await?;
        Ok(AdminReply::KeyAdded { key: secret.reveal().to_owned(), record: self.key(key)? })
    }

    async fn list_keys(&self, whose: OfUser) -> Answer {
        let user = self.accounts.find_user(&whose.user).await?;
        let keys = self.accounts.list_keys(user.id).await?;
        let keys = keys.into_iter().map(|key| self.key(key));
        Ok(AdminReply::Keys { keys: keys.collect::<Result<_, _>>()? })
    }

    async fn revoke_key(&self, which: RevokeKey) -> Answer {
        let record = self.key(self.accounts.revoke_key(which.id).await?)?;
        Ok(AdminReply::KeyRevoked { record })
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

    fn holds(&self) -> AdminReply {
        let holds = self.accounts.holds();
        let listed = holds.iter().take(HOLDS_MAX);
        AdminReply::Holds { holds: listed.map(|hold| HoldView::new(hold, self.price)).collect(), total: holds.len() }
    }

    async fn verify_head(&self, which: VerifyHead) -> Answer {
        let head: ChainHead =
            which.head.parse().map_err(|error| Refusal::invalid(format!("{}: {error}", which.head)))?;
        Ok(verified(self.accounts.verify_with(head).await?, Some(which.head)))
    }

    async fn head(&self) -> Answer {
        let head = self.accounts.ledger_head().await?;
        let head = head.ok_or_else(|| Refusal::invalid("a ledger in memory has no hash chain"))?;
        Ok(AdminReply::Head { head: head.to_string(), commits: head.commit, entries: head.entries })
    }

    fn key(&self, key: Key) -> Result<KeyView, Refusal> {
        let limit = self.accounts.limit_of(&key)?;
        Ok(KeyView::new(key, limit, self.price))
    }

    fn amount(&self, amount: &Amount) -> Result<NanoUsd, Refusal> {
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

fn most(asked: u32) -> u32 {
    asked.clamp(1, LIST_MAX)
}

/// The cursor of a page that may have a next one.
fn last_of_full<T>(rows: &[T], max: u32) -> Option<&T> {
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
        AccountsError::Invalid { .. } | AccountsError::Ledger(LedgerError::Amount) => RefusalCode::Invalid,
        _ => RefusalCode::Failed,
    }
}
