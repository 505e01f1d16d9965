//! Bills recomputed from what their records state.

use super::UsageReads;
use super::projection::collected;
use crate::books;
use crate::fault::Fault;
use crate::gateway::charge_of;
use crate::record::{GenerationRecord, UsageSource};
use opencredits_catalog::{StatedLine, Terms, recompute};
use opencredits_ledger::{AnyLedger, EntryKind, EntryRow, LedgerError};
use opencredits_units::{EntryId, GenerationId, Measure, NanoUsd, Progress, UnixMs};

/// Entries that are read at once.
const PAGE: usize = 1_000;
/// Entries that one call looks at; its cursor leads on.
const SCANNED_MAX: usize = 200_000;
/// Bills that are reported in full.
const WRONG_MAX: usize = 1_000;

/// The result of a bill's check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillCheck {
    /// The request.
    pub id: GenerationId,
    /// The charge that its record states.
    pub stated: NanoUsd,
    /// The charge that follows from lines, rates and markup; `None` where it fits no integer.
    pub recomputed: Option<NanoUsd>,
    /// Whether the charge may be less than the recomputed one: an estimate is charged within its hold.
    pub is_bounded: bool,
    /// The amount that was paid.
    pub collected: NanoUsd,
    /// What does not add up, in words.
    pub findings: Vec<String>,
}

/// The result of a check of many bills.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BillChecks {
    /// The number of bills that were checked.
    pub checked: u64,
    /// The number of bills that do not add up.
    pub wrong_total: u64,
    /// The first thousand of them.
    pub wrong: Vec<BillCheck>,
    /// The cursor, where more are left.
    pub next: Option<EntryId>,
}

/// Recomputes the bill of a charge from its record alone, and compares it with the entry's legs; `None` when the entry is
/// no charge of a request.
#[must_use]
pub fn check_bill(entry: &EntryRow) -> Option<BillCheck> {
    let record = GenerationRecord::from_memo(&entry.memo).ok().filter(|_| entry.kind == EntryKind::Capture)?;
    let lines: Vec<StatedLine> = record
        .lines
        .iter()
        .chain(record.side_bills.iter().flat_map(|bill| &bill.lines))
        .map(|line| StatedLine { quantity: line.quantity(), rate: line.rate(), is_discount: line.is_discount() })
        .collect();
    let terms = Terms { markup: record.markup, partner_share: record.partner_share };
    let recomputed = recompute(&lines, terms).ok();
    let is_bounded = matches!(record.source, UsageSource::Estimated | UsageSource::Implausible);
    let mut check = BillCheck {
        id: entry.id.cast(),
        stated: record.total,
        recomputed: recomputed.map(|charge| charge.total),
        is_bounded,
        collected: collected(entry),
        findings: Vec::new(),
    };
    match recomputed {
        Some(charge) if charge.total == record.total && charge.cost == record.cost => {}
        Some(charge) if is_bounded && record.total < charge.total => {}
        Some(charge) => check.findings.push(format!(
            "lines and markup make {} USD at a cost of {}; the record states {} at {}",
            charge.total, charge.cost, record.total, record.cost
        )),
        None if is_bounded => {}
        None => check.findings.push("the lines fit no amount".to_owned()),
    }
    check_legs(entry, &record, &mut check);
    Some(check)
}

/// The parts of the charge and what was booked of them.
fn check_legs(entry: &EntryRow, record: &GenerationRecord, check: &mut BillCheck) {
    let booked = |account| {
        let own = entry.legs.iter().skip(1).filter(|(of, _)| *of == account);
        own.fold(NanoUsd::ZERO, |sum, (_, amount)| sum.checked_add(*amount).unwrap_or(sum))
    };
    if entry.charged != record.total {
        let text = format!("the entry charges {} USD and the record states {}", entry.charged, record.total);
        check.findings.push(text);
    }
    if booked(books::PROVIDERS) != record.cost {
        let text = format!("the provider was booked {} USD and the cost is {}", booked(books::PROVIDERS), record.cost);
        check.findings.push(text);
    }
    if check.collected > record.total {
        check.findings.push(format!("{} USD were paid for a charge of {}", check.collected, record.total));
    }
}

impl UsageReads {
    /// Recomputes the bill of one request; `None` when there is none.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn check_bill(&self, id: GenerationId) -> Result<Option<BillCheck>, Fault> {
        let entry = charge_of(&self.ledger, id).await?;
        Ok(entry.as_ref().and_then(check_bill))
    }

    /// Recomputes the bills of the requests that were made from one time to another, those after the cursor.
    ///
    /// # Errors
    /// When the ledger fails.
    pub async fn check_bills(&self, during: (UnixMs, UnixMs), cursor: Option<EntryId>) -> Result<BillChecks, Fault> {
        self.check_bills_watched(during, cursor, &Progress::default()).await
    }

    /// The same; tells in `progress` how far it is.
    ///
    /// # Errors
    /// As [`UsageReads::check_bills`].
    pub async fn check_bills_watched(
        &self,
        (from, until): (UnixMs, UnixMs),
        cursor: Option<EntryId>,
        progress: &Progress,
    ) -> Result<BillChecks, Fault> {
        let start = EntryId::from_bits(EntryId::at(from, [0; 10]).bits().saturating_sub(1));
        let after = cursor.map_or(start, |cursor| cursor.max(start));
        self.ledger.flush().await?;
        self.ledger.refuse_archived_from(from).await?;
        // It is not known how many entries there are between two times.
        progress.begin("recomputing bills, entries", Measure::Count, None);
        Ok(check_all(&self.ledger, after, until, progress).await?)
    }
}

async fn check_all(
    ledger: &AnyLedger,
    mut after: EntryId,
    until: UnixMs,
    progress: &Progress,
) -> Result<BillChecks, LedgerError> {
    let mut checks = BillChecks::default();
    for _ in 0..SCANNED_MAX.div_ceil(PAGE) {
        let page = ledger.entries(after, PAGE).await?;
        progress.advance(u64::try_from(page.len()).unwrap_or_default());
        let is_end = page.len() < PAGE || page.last().is_some_and(|last| last.id.made_at() >= until);
        after = page.last().map_or(after, |last| last.id);
        for check in page.iter().take_while(|entry| entry.id.made_at() < until).filter_map(check_bill) {
            checks.checked = checks.checked.saturating_add(1);
            if !check.findings.is_empty() {
                checks.wrong_total = checks.wrong_total.saturating_add(1);
                if checks.wrong.len() < WRONG_MAX {
                    checks.wrong.push(check);
                }
            }
        }
        if is_end {
            return Ok(checks);
        }
    }
    Ok(BillChecks { next: Some(after), ..checks })
}
