//! Usage, requests and entries of the past, for the operator.

use super::audit::{PAGE_MAX, SCANNED_MAX, wanted};
use super::{Accounts, AccountsError, EntriesPage, EntryFilter};
use crate::books;
use crate::fault::Fault;
use crate::gateway::charge_of;
use crate::usage::UsageReads;
use opencredits_ledger::{AnyLedger, EntryRow, LedgerError};
use opencredits_store::{Days, UsageBy, UsageFilter, UsageGroup, UsageOf, UsageOrder, UsageQuery, UsageSums};
use opencredits_units::{AccountId, EntryId, GenerationId, KeyId, UnixMs};

/// The largest number of groups of a report.
const GROUPS_MAX: u32 = 10_000;

/// A group of a usage report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedUsage {
    /// The group.
    pub group: UsageGroup,
    /// The operator's name for it: a label, or the name of a key or partner.
    pub name: Option<String>,
}

/// The usage of all people, in groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageReport {
    /// The groups.
    pub groups: Vec<NamedUsage>,
    /// The sums of all groups, also of those that are not listed.
    pub total: UsageSums,
    /// The number of entries that are not counted yet.
    pub behind: u64,
}

impl Accounts {
    /// The read model of usage.
    #[must_use]
    pub const fn usage(&self) -> &UsageReads {
        &self.usage
    }

    /// The usage of these days, in at most `max` groups: by day the latest first, else the highest charge first.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn usage_report(&self, by: UsageBy, days: Days, max: u32) -> Result<UsageReport, AccountsError> {
        let behind = self.usage.refresh().await?;
        let order = if by == UsageBy::Day { UsageOrder::Newest } else { UsageOrder::Highest };
        let query = |by, max| UsageQuery { filter: UsageFilter::of(UsageOf::All), days, by, order, max };
        let found = self.usage.sums(query(vec![by], max.clamp(1, GROUPS_MAX))).await?;
        let total = self.usage.sums(query(vec![], 1)).await?.first().map(|all| all.sums).unwrap_or_default();
        let mut groups = Vec::with_capacity(found.len());
        for group in found {
            groups.push(NamedUsage { name: self.name_of(&group).await?, group });
        }
        Ok(UsageReport { groups, total, behind })
    }

    async fn name_of(&self, group: &UsageGroup) -> Result<Option<String>, AccountsError> {
        Ok(match (group.user, group.key, group.partner) {
            (Some(user), _, _) => self.tables.users.user(user).await?.map(|user| user.label),
            (_, Some(key), _) => self.tables.keys.key(key).await?.map(|key| key.name),
            (_, _, Some(partner)) => self.tables.partners.partner(partner).await?.map(|partner| partner.name),
            _ => None,
        })
    }

    /// An entry, also one that is not on disk yet.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn entry(&self, id: EntryId) -> Result<Option<EntryRow>, AccountsError> {
        Ok(self.ledger.entry(id).await?)
    }

    /// The entry that charges a generation, also where it is not on disk yet, or was charged late.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn charge_of(&self, generation: GenerationId) -> Result<Option<EntryRow>, AccountsError> {
        Ok(charge_of(&self.ledger, generation).await?)
    }

    /// The account of this name: its id, the name of an account of the house, a person (their wallet), a partner (its
    /// earnings) or the id of a key (its limit).
    ///
    /// # Errors
    /// When there is none, or ledger or store fail.
    pub async fn find_account(&self, name: &str) -> Result<AccountId, AccountsError> {
        if let Ok(id) = name.parse() {
            return Ok(id);
        }
        let house = books::NAMES.iter().find(|(_, house)| house.eq_ignore_ascii_case(&name.replace('_', " ")));
        if let Some((id, _)) = house {
            return Ok(*id);
        }
        let of_payments = self.ledger.accounts().await?.into_iter().map(|row| row.account.id);
        let mut of_payments = of_payments.filter(|id| books::PerCurrency::of(*id).is_some());
        if let Some(id) = of_payments.find(|id| books::name(*id).as_deref() == Some(name)) {
            return Ok(id);
        }
        if let Ok(id) = name.parse::<KeyId>() {
            let limit = self.tables.keys.key(id).await?.and_then(|key| key.limit);
            return limit.map(|limit| limit.account).ok_or(AccountsError::NoKey { id });
        }
        match self.find_user(name).await {
            Err(AccountsError::NoUser { .. }) => match self.find_partner(name).await {
                Err(AccountsError::NoPartner { .. }) => Err(AccountsError::NoUser { name: name.to_owned() }),
                found => Ok(found?.earnings),
            },
            found => Ok(found?.wallet),
        }
    }

    /// At most `max` entries below the cursor, the highest id first, including those that are not on disk yet. `during`
    /// is about the times of their ids: when a request began, when a transfer was ordered.
    ///
    /// # Errors
    /// When the ledger cannot be written or read.
    pub async fn latest_entries(
        &self,
        filter: EntryFilter,
        (from, until): (UnixMs, Option<UnixMs>),
        before: Option<EntryId>,
        max: usize,
    ) -> Result<EntriesPage, AccountsError> {
        let max = max.clamp(1, PAGE_MAX);
        let end = until.map_or(EntryId::from_bits(u128::MAX), |until| EntryId::at(until, [0; 10]));
        let before = before.map_or(end, |before| before.min(end));
        Ok(page(&self.ledger, filter, (EntryId::at(from, [0; 10]), before), max).await?)
    }
}

async fn page(
    ledger: &AnyLedger,
    filter: EntryFilter,
    (from, mut before): (EntryId, EntryId),
    max: usize,
) -> Result<EntriesPage, LedgerError> {
    ledger.flush().await?;
    let mut entries = Vec::new();
    // Without a filter each entry that is read stands on the page.
    let at_once = if filter.account.is_some() { PAGE_MAX } else { max };
    for _ in 0..SCANNED_MAX.div_ceil(at_once) {
        let read = ledger.entries_before(before, at_once).await?;
        let is_whole = read.len() == at_once;
        for entry in read {
            if entry.id < from {
                return Ok(EntriesPage { entries, next: None });
            }
            before = entry.id;
            if wanted(filter, &entry) {
                entries.push(entry);
            }
            if entries.len() == max {
                return Ok(EntriesPage { entries, next: Some(before) });
            }
        }
        if !is_whole {
            return Ok(EntriesPage { entries, next: None });
        }
    }
    Ok(EntriesPage { entries, next: Some(before) })
}

impl From<Fault> for AccountsError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Ledger(error) => error.into(),
            Fault::Store(error) => error.into(),
            Fault::Overflow => Self::Ledger(LedgerError::Amount),
            _ => Self::Closing,
        }
    }
}
