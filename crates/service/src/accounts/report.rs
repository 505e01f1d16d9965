//! The balance sheet, as of any time.

use super::{Accounts, AccountsError};
use crate::books::{self, Derived, PerCurrency};
use crate::partners::debt_of_partner;
use hashbrown::{HashMap, HashSet};
use opencredits_ledger::{AnyLedger, Closing, EntryKind, EntryRow, LedgerError};
use opencredits_store::Partner;
use opencredits_units::{AccountId, EntryId, Measure, NanoUsd, PartnerId, Progress, UnixMs, UserId};
use std::collections::BTreeMap;

/// Entries, people and partners that are read at once.
const PAGE: usize = 1_000;
/// How often entries are added up where months are archived or brought back meanwhile.
const TRIES: u32 = 3;

/// A line of a [`BalanceSheet`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetLine {
    /// `assets`, `liabilities`, `income` or `expenses`.
    pub side: &'static str,
    /// What it is.
    pub name: String,
    /// The amount, positive on its side.
    pub amount: NanoUsd,
}

/// What the house has, owes, has earned and spent. Assets and expenses are liabilities and income, in each currency.
///
/// A wallet does not tell paid from promotional credits. The sheet counts promotional ones as spent first.
///
/// Amounts of different currencies are never added. The account `exchange` links them: in each currency it gets what was
/// paid for credits, and in dollars it gives the credits. So for credits that were sold for euros it is above zero in euros
/// and below zero in dollars.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BalanceSheet {
    /// Entries decided before this time; all when `None`.
    pub until: Option<UnixMs>,
    /// The number of entries.
    pub entries: u64,
    /// The lines in dollars, by side.
    pub lines: Vec<SheetLine>,
    /// Assets and expenses less liabilities and income, in dollars: zero, as long as the books are sound.
    pub difference: NanoUsd,
    /// The other currencies in which something was booked, by their codes.
    pub currencies: Vec<CurrencySheet>,
}

/// The part of a [`BalanceSheet`] that is in one currency other than the dollar. Its amounts are in billionths of that
/// currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrencySheet {
    /// The ISO 4217 code, in lower case.
    pub currency: String,
    /// The lines, by side.
    pub lines: Vec<SheetLine>,
    /// Assets and expenses less liabilities and income: zero, as long as the books are sound.
    pub difference: NanoUsd,
}

/// A line before its amount is known to fit: side, name, amount.
type Row = (&'static str, String, i128);

/// The currency of the ledger's own accounts.
const OWN: &str = "usd";

/// Who the accounts belong to.
#[derive(Default)]
struct Owners {
    /// Of people.
    wallets: HashSet<AccountId>,
    partners: HashSet<AccountId>,
    /// Limits count spending and hold no money.
    limits: HashSet<AccountId>,
}

/// Sums of entries: of accounts, and of what wallets got for nothing and spent.
#[derive(Default)]
struct Sums {
    entries: u64,
    posted: HashMap<AccountId, i128>,
    given: HashMap<AccountId, i128>,
    spent: HashMap<AccountId, i128>,
}

impl Accounts {
    /// The balance sheet of the entries that were decided before `until`. It reads the whole ledger, in memory that
    /// depends on the number of accounts only.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn balance_sheet(&self, until: Option<UnixMs>) -> Result<BalanceSheet, AccountsError> {
        self.balance_sheet_watched(until, &Progress::default()).await
    }

    /// The same; tells in `progress` how far it is.
    ///
    /// # Errors
    /// As [`Accounts::balance_sheet`].
    pub async fn balance_sheet_watched(
        &self,
        until: Option<UnixMs>,
        progress: &Progress,
    ) -> Result<BalanceSheet, AccountsError> {
        let owners = self.owners().await?;
        self.ledger.flush().await?;
        let entries = self.ledger.head().await?.map(|head| head.entries);
        let sums = sum(&self.ledger, until, entries, progress).await?;
        let people = sums.all(&owners.wallets);
        let promotional =
            owners.wallets.iter().fold(0_i128, |sum, wallet| sum.saturating_add(sums.promotional(*wallet)));
        let paid = people.saturating_sub(promotional);
        let people = vec![
            ("liabilities", "people's credits, paid", paid),
            ("liabilities", "people's credits, promotional", promotional),
        ];
        Ok(sheet(&owners, &sums, until, people))
    }

    /// The balance sheet as of now, of the balances that the ledger keeps: it reads neither entries nor people. What belongs
    /// neither to the house nor to a partner counts as people's credits, and is not told apart into paid and promotional
    /// ones, which only the entries tell.
    ///
    /// # Errors
    /// When ledger or store fail.
    pub async fn kept_balances(&self) -> Result<BalanceSheet, AccountsError> {
        let mut owners = self.partners_and_limits().await?;
        self.ledger.flush().await?;
        let entries = self.ledger.head().await?.map(|head| head.entries);
        let accounts = self.ledger.accounts().await?;
        let posted = accounts.iter().map(|row| (row.account.id, i128::from(row.balance.posted.get()))).collect();
        let sums = Sums { entries: entries.unwrap_or_default(), posted, ..Sums::default() };
        let is_of_house = |account| books::name(account).is_some() || Derived::of(account).is_some();
        let others = sums.posted.keys().copied().filter(|account| !is_of_house(*account) && !owners.has(*account));
        owners.wallets = others.collect();
        let people = sums.all(&owners.wallets);
        Ok(sheet(&owners, &sums, None, vec![("liabilities", "people's credits", people)]))
    }

    async fn owners(&self) -> Result<Owners, AccountsError> {
        let mut owners = self.partners_and_limits().await?;
        let max = u32::try_from(PAGE).unwrap_or(u32::MAX);
        let mut after = UserId::default();
        loop {
            let page = self.tables.users.users(after, max).await?;
            let Some(last) = page.last().map(|user| user.id) else { return Ok(owners) };
            owners.wallets.extend(page.iter().map(|user| user.wallet));
            after = last;
        }
    }

    async fn partners_and_limits(&self) -> Result<Owners, AccountsError> {
        let mut owners = Owners::default();
        let max = u32::try_from(PAGE).unwrap_or(u32::MAX);
        let mut after = PartnerId::default();
        loop {
            let page = self.tables.partners.partners(after, max).await?;
            let Some(last) = page.last().map(|partner| partner.id) else { break };
            let owes = |partner: &Partner| debt_of_partner(partner.id);
            owners.partners.extend(page.iter().flat_map(|partner| [partner.earnings, owes(partner)]));
            after = last;
        }
        // A limit has as its contra account one of what was spent of it.
        let accounts = self.ledger.accounts().await?.into_iter();
        let limits = accounts.filter_map(|row| Some([row.account.id, row.account.contra?]));
        owners.limits.extend(limits.flatten().chain([books::LIMITS]));
        Ok(owners)
    }
}

/// Adds up all entries and closings. Begins anew where a month was archived or brought back meanwhile: its entries may have been
/// counted twice, or not at all.
async fn sum(
    ledger: &AnyLedger,
    until: Option<UnixMs>,
    entries: Option<u64>,
    progress: &Progress,
) -> Result<Sums, LedgerError> {
    let mut closings = ledger.closings(until).await?;
    let mut tries = 1_u32;
    loop {
        progress.begin("adding up the ledger, entries", Measure::Count, entries);
        let sums = sum_with(ledger, &closings, until, progress).await?;
        let now = ledger.closings(until).await?;
        let changed = now.iter().find(|closing| !closings.contains(closing));
        let changed = changed.or_else(|| closings.iter().find(|closing| !now.contains(closing)));
        match changed.map(|closing| closing.part) {
            None => return Ok(sums),
            Some(part) if tries >= TRIES => return Err(LedgerError::Archived { part }),
            Some(_) => (closings, tries) = (now, tries.saturating_add(1)),
        }
    }
}

async fn sum_with(
    ledger: &AnyLedger,
    closings: &[Closing],
    until: Option<UnixMs>,
    progress: &Progress,
) -> Result<Sums, LedgerError> {
    let mut sums = Sums::default();
    closings.iter().for_each(|closing| sums.close(closing));
    let mut after = EntryId::default();
    loop {
        let page = ledger.entries(after, PAGE).await?;
        progress.advance(u64::try_from(page.len()).unwrap_or_default());
        let Some(last) = page.last().map(|entry| entry.id) else { return Ok(sums) };
        page.iter().filter(|entry| until.is_none_or(|until| entry.at < until)).for_each(|entry| sums.add(entry));
        after = last;
    }
}

impl Owners {
    fn has(&self, account: AccountId) -> bool {
        self.wallets.contains(&account) || self.partners.contains(&account) || self.limits.contains(&account)
    }
}

impl Sums {
    fn add(&mut self, entry: &EntryRow) {
        self.entries = self.entries.saturating_add(1);
        let is_promotion = entry.legs.iter().any(|(account, _)| *account == books::PROMOTION);
        for (account, amount) in &entry.legs {
            add(&mut self.posted, *account, i128::from(amount.get()));
            if entry.kind == EntryKind::Capture {
                add(&mut self.spent, *account, i128::from(amount.get()).saturating_neg());
            } else if is_promotion {
                add(&mut self.given, *account, i128::from(amount.get()));
            }
        }
    }

    /// Counts archived entries, which are charges of requests and nothing else.
    fn close(&mut self, closing: &Closing) {
        self.entries = self.entries.saturating_add(closing.entries);
        for (account, amount) in &closing.sums {
            add(&mut self.posted, *account, i128::from(amount.get()));
            add(&mut self.spent, *account, i128::from(amount.get()).saturating_neg());
        }
    }

    fn of(&self, account: AccountId) -> i128 {
        self.posted.get(&account).copied().unwrap_or_default()
    }

    /// The sum of these accounts.
    fn all(&self, accounts: &HashSet<AccountId>) -> i128 {
        accounts.iter().fold(0, |sum, account| sum.saturating_add(self.of(*account)))
    }

    /// The sum of all accounts of a kind.
    fn over(&self, is_one: impl Fn(AccountId) -> bool) -> i128 {
        let found = self.posted.iter().filter(|(account, _)| is_one(**account));
        found.fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// The part of a wallet that was given and is not spent.
    fn promotional(&self, wallet: AccountId) -> i128 {
        let of = |sums: &HashMap<AccountId, i128>| sums.get(&wallet).copied().unwrap_or_default();
        of(&self.given).saturating_sub(of(&self.spent)).clamp(0, self.of(wallet).max(0))
    }
}

fn add(sums: &mut HashMap<AccountId, i128>, account: AccountId, amount: i128) {
    let sum = sums.entry(account).or_default();
    *sum = sum.saturating_add(amount);
}

/// The sheet, with the rows of people.
fn sheet(
    owners: &Owners,
    sums: &Sums,
    until: Option<UnixMs>,
    people: Vec<(&'static str, &'static str, i128)>,
) -> BalanceSheet {
    let derived = |kind: Derived| sums.over(|account| Derived::of(account) == Some(kind));
    let other =
        sums.over(|account| books::name(account).is_none() && Derived::of(account).is_none() && !owners.has(account));
    let assets = [
        ("assets", "payments received", sums.of(books::CLEARING).saturating_neg()),
        ("assets", "owed by people", derived(Derived::Debt).saturating_neg()),
        ("assets", "paid out to partners", sums.of(books::PAYOUTS).saturating_neg()),
    ];
    let others = [
        ("liabilities", "credits frozen for disputes", derived(Derived::Frozen)),
        ("liabilities", "payable to providers", sums.of(books::PROVIDERS)),
        ("liabilities", "payable to partners", sums.all(&owners.partners)),
        ("liabilities", "accounts of nobody", other),
        ("income", "revenue", sums.of(books::REVENUE)),
        ("expenses", "promotional credits given", sums.of(books::PROMOTION).saturating_neg()),
        ("expenses", "bad debt", sums.of(books::BAD_DEBT).saturating_neg()),
        ("expenses", "corrections", sums.of(books::CORRECTIONS).saturating_neg()),
    ];
    let rows = assets.into_iter().chain(people).chain(others);
    let mut rows: Vec<Row> = rows.map(|(side, name, sum)| (side, name.to_owned(), sum)).collect();
    let mut payments = payment_rows(sums);
    rows.extend(payments.remove(OWN).unwrap_or_default());
    let (lines, difference) = totalled(rows);
    let currencies = payments.into_iter().map(|(currency, rows)| {
        let (lines, difference) = totalled(rows);
        CurrencySheet { currency, lines, difference }
    });
    BalanceSheet { until, entries: sums.entries, lines, difference, currencies: currencies.collect() }
}

/// The lines, and what assets and expenses have beyond liabilities and income.
fn totalled(rows: Vec<Row>) -> (Vec<SheetLine>, NanoUsd) {
    let difference = rows.iter().fold(0_i128, |sum, (side, _, amount)| match *side {
        "assets" | "expenses" => sum.saturating_add(*amount),
        _ => sum.saturating_sub(*amount),
    });
    let amount = |sum: i128| NanoUsd::new(i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX }));
    let lines = rows.into_iter().map(|(side, name, sum)| SheetLine { side, name, amount: amount(sum) });
    (lines.collect(), amount(difference))
}

/// The accounts of payments by currency, where something was booked on them.
fn payment_rows(sums: &Sums) -> BTreeMap<String, Vec<Row>> {
    let side = |account| match PerCurrency::of(account).map(|(kind, _)| kind) {
        Some(PerCurrency::Processor | PerCurrency::Clearing | PerCurrency::Disputed | PerCurrency::Bank) => "assets",
        Some(PerCurrency::ProcessorFees) => "expenses",
        Some(PerCurrency::PurchaseFees) => "income",
        _ => "liabilities",
    };
    let mut found: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for (account, sum) in &sums.posted {
        let currency = match PerCurrency::of(*account) {
            Some((_, currency)) => currency,
            None if *account == books::EXCHANGE => OWN.to_owned(),
            None => continue,
        };
        let side = side(*account);
        let amount = if matches!(side, "assets" | "expenses") { sum.saturating_neg() } else { *sum };
        found.entry(currency).or_default().push((side, books::name(*account).unwrap_or_default(), amount));
    }
    found.values_mut().for_each(|rows| rows.sort());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries from words such as `wallet+10,exchange-10`, and what the sheet says of them: no line that is zero.
    fn check(entries: &[&[(AccountId, i64)]], expect: &str) {
        let mut sums = Sums::default();
        for (id, legs) in (1..).zip(entries) {
            sums.add(&EntryRow {
                id: EntryId::from_bits(id),
                kind: EntryKind::Transfer,
                at: UnixMs::new(1),
                charged: NanoUsd::ZERO,
                legs: legs.iter().map(|(account, amount)| (*account, NanoUsd::new(*amount))).collect(),
                memo: Vec::new(),
            });
        }
        let owners = Owners { wallets: HashSet::from_iter([WALLET]), ..Owners::default() };
        let people = vec![("liabilities", "people's credits", sums.all(&owners.wallets))];
        let found = sheet(&owners, &sums, None, people);
        let told = |lines: &[SheetLine], difference: NanoUsd| {
            let lines = lines.iter().filter(|line| line.amount != NanoUsd::ZERO);
            let lines = lines.map(|line| format!("{} {}", line.name, line.amount.get())).collect::<Vec<_>>();
            format!("{}: {}", lines.join(", "), difference.get())
        };
        let others = found.currencies.iter();
        let others = others.map(|sheet| format!(" | {}: {}", sheet.currency, told(&sheet.lines, sheet.difference)));
        assert_eq!(told(&found.lines, found.difference) + &others.collect::<String>(), expect);
    }

    const WALLET: AccountId = AccountId::from_bits(u128::MAX - 1);

    #[test]
    fn archived_charges_count_as_if_they_were_still_there() {
        let legs = vec![(WALLET, NanoUsd::new(-7)), (books::REVENUE, NanoUsd::new(7))];
        let part = "2026-09".parse().unwrap();
        let (mut archived, mut entered) = (Sums::default(), Sums::default());
        archived.close(&Closing { part, entries: 1, last_at: UnixMs::new(1), sums: legs.clone() });
        entered.add(&EntryRow {
            id: EntryId::from_bits(1),
            kind: EntryKind::Capture,
            at: UnixMs::new(1),
            charged: NanoUsd::new(7),
            legs,
            memo: Vec::new(),
        });
        assert_eq!((archived.entries, &archived.posted, &archived.spent), (1, &entered.posted, &entered.spent));
        assert_eq!(archived.promotional(WALLET), entered.promotional(WALLET));
    }

    #[test]
    fn amounts_of_two_currencies_are_neither_in_one_column_nor_in_one_sum() {
        let of = |kind: PerCurrency, currency: &str| kind.account(currency);
        let (clearing, exchange) = (of(PerCurrency::Clearing, "eur"), of(PerCurrency::Exchange, "eur"));
        let sold_for_euros: [&[(AccountId, i64)]; 2] =
            [&[(clearing, -900), (exchange, 900)], &[(books::EXCHANGE, -1_000), (WALLET, 1_000)]];
        check(
            &sold_for_euros,
            "people's credits 1000, exchange -1000: 0 | eur: payment clearing eur 900, exchange eur 900: 0",
        );
        let dollars = of(PerCurrency::Clearing, "usd");
        check(
            &[&[(dollars, -500), (books::EXCHANGE, 500)], &[(books::EXCHANGE, -500), (WALLET, 500)]],
            "people's credits 500, payment clearing usd 500: 0",
        );
        // What is wrong in one currency does not hide behind another.
        check(
            &[&[(clearing, -900)], &[(WALLET, 900)]],
            "people's credits 900: -900 | eur: payment clearing eur 900: 900",
        );
    }
}
