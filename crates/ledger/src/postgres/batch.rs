//! A batch: one transaction that reads and locks the rows of its commands, decides them in a state of just these rows, and writes
//! the effects.
//!
//! Locks are taken in one order: accounts that decide, by number; accounts of the house, by number; the head of the chain. A hold
//! changes only under the lock of its payer. Whatever can be sent without waiting for an answer is: a batch waits three times for
//! the database at most, and twice as a rule.

use super::closings;
use super::error::{Failed, Trouble};
use super::known::{Known, Memory, signed};
use super::requests::{Needs, Waiting};
use super::rows::{ACCOUNT_COLUMNS, AccountRecord, EntryRecord, HOLD_COLUMNS, HoldRecord, id_bytes};
use super::scope::Scope;
use super::session::Session;
use super::statements::{Counted, Sql, Values, ends};
use super::write::Writing;
use crate::codec::Number;
use crate::error::StorageError;
use crate::state::Effects;
use opencredits_units::EntryId;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use tokio::time::Instant;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// Decides the commands and commits. Afterwards each of them has its outcome.
pub(crate) async fn run(
    session: &mut Session,
    memory: &Memory,
    waiting: &mut [Box<dyn Waiting>],
) -> Result<(), Failed> {
    let known = &*memory.known();
    let mut needs = Needs::default();
    waiting.iter().for_each(|one| one.needs(&mut needs));
    let is_durable = waiting.iter().any(|one| one.is_durable());
    let (scope, effects) = loop {
        prepare(session, known, &mut needs).await?;
        let Some(mut scope) = read(session, known, &needs, is_durable).await? else {
            session.client.batch_execute("ROLLBACK").await?;
            continue;
        };
        let mut effects = Effects::new();
        waiting.iter_mut().for_each(|one| one.decide(&mut scope.state, &mut effects));
        break (scope, effects);
    };
    if effects.is_empty() && !is_durable {
        // Whoever waits for the disk waits for what others have committed before, too.
        return Ok(session.client.batch_execute("ROLLBACK").await?);
    }
    let writing = Writing::of(&scope, &effects, session.writer)?;
    writing.commit(session).await?;
    writing.remember(known);
    memory.seen.put(Instant::now(), scope.balances());
    if session.was_cancelled.swap(false, Ordering::AcqRel) {
        // The primary has it, the standby may not.
        return Err(Failed::Unknown);
    }
    session.batch = session.batch.saturating_add(1);
    Ok(())
}

/// Learns what never changes of the accounts and holds that are named.
async fn prepare(session: &Session, known: &Known, needs: &mut Needs) -> Result<(), Failed> {
    if let Some((now, max)) = needs.due {
        needs.ends.extend(due(session, now.get().cast_signed(), max).await?);
    }
    let named = needs.accounts.iter().chain(&needs.exact).copied();
    known.learn(&session.client, named, std::iter::empty()).await?;
    known.learn_holds(&session.client, needs.ends.iter().copied()).await?;
    Ok(())
}

/// The longest expired holds, at most so many of each phase.
async fn due(session: &Session, now: i64, max: usize) -> Result<Vec<EntryId>, Failed> {
    let sql = format!(
        "SELECT {HOLD_COLUMNS} FROM ledger_holds WHERE phase = $1 AND expires_at <= $2 ORDER BY expires_at, id LIMIT $3"
    );
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    for phase in [0_i16, 1] {
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
            [(&phase, Type::INT2), (&now, Type::INT8), (&max, Type::INT8)];
        for row in &session.client.query_typed(&sql, &parameters).await? {
            found.push(HoldRecord::read(row)?.id);
        }
    }
    Ok(found)
}

/// The numbers of accounts whose rows are read and locked.
fn locked(known: &Known, needs: &Needs) -> BTreeSet<Number> {
    let mut locked: BTreeSet<Number> = BTreeSet::new();
    for id in &needs.exact {
        let Some(number) = known.number(*id) else { continue };
        locked.insert(number);
        if needs.limits.contains(id) {
            locked.extend(known.account(number).and_then(|parts| parts.contra));
        }
    }
    let named = needs.accounts.iter().filter_map(|id| known.number(*id));
    locked.extend(named.filter(|number| known.account(*number).is_some_and(|parts| parts.has_floor())));
    locked.extend(needs.ids().filter_map(|id| known.hold(id)).flatten());
    locked
}

/// Begins the transaction, locks, and reads. `None` where a hold was found whose accounts are not locked: they are known now.
async fn read(session: &Session, known: &Known, needs: &Needs, is_durable: bool) -> Result<Option<Scope>, Failed> {
    let locked = locked(known, needs);
    let numbers = signed(locked.iter().copied());
    let ids: Vec<Vec<u8>> = needs.ids().map(|id| id_bytes(id.bits())).collect();
    let unknown: Vec<Vec<u8>> = match needs.opens {
        true => needs.accounts.iter().filter(|id| known.number(**id).is_none()).map(|id| id_bytes(id.bits())).collect(),
        false => Vec::new(),
    };
    let client = &session.client;
    let query = |sql, values| session.statements.query(client, sql, values);
    let accounts: Values<'_> = &[&numbers];
    let of_ids: Values<'_> = &[&ids];
    let (lowest, highest) = ends(&ids);
    let in_range: Values<'_> = &[&ids, &lowest, &highest];
    let work = async {
        // Sent in this order; each statement sees what was committed before it.
        tokio::join!(
            biased;
            client.batch_execute("BEGIN"),
            session.count(is_durable),
            session.numbers(needs.opens, &unknown),
            query(Sql::LockAccounts, accounts),
            query(Sql::Holds, of_ids),
            query(Sql::Entries, in_range),
        )
    };
    // Nothing is committed yet, so that a silent database may be given up.
    let answers = tokio::time::timeout(session.patience, work).await.map_err(|_| Trouble::silent())?;
    let (begun, counted, opening, accounts, holds, entries) = answers;
    begun?;
    match counted? {
        Counted::Yes => {}
        Counted::Fenced => return Err(Failed::Fenced),
        Counted::Elsewhere => return Err(Failed::Elsewhere),
    }
    let opening = opening?;
    let accounts = decoded(&accounts?, AccountRecord::read)?;
    let holds = decoded(&holds?, HoldRecord::read)?;
    let entries = decoded(&entries?, EntryRecord::read)?;
    opening.found.iter().for_each(|account| known.add_account(account.number, account.parts));
    let mut is_whole = true;
    for hold in &holds {
        if hold.accounts().any(|number| !locked.contains(&number)) {
            known.learn(client, std::iter::empty(), hold.accounts()).await?;
            known.add_hold(hold.id, hold.accounts().collect());
            is_whole = false;
        }
    }
    if !is_whole {
        return Ok(None);
    }
    let late = late(session, known, &entries, &locked).await?;
    let old = needs.ids().filter(|id| closings::may_be_archived(*id, needs.now));
    let archived = closings::among::<Failed>(client, old).await?;
    let accounts = accounts.into_iter().chain(late).collect();
    let mut scope = Scope::of(known, needs, accounts, (holds, entries), opening.next)?;
    scope.state.archived = archived;
    Ok(Some(scope))
}

/// The accounts that finished entries name first, for the answer to a replay. They decide nothing, so they are not locked.
async fn late(
    session: &Session,
    known: &Known,
    entries: &[EntryRecord],
    locked: &BTreeSet<Number>,
) -> Result<Vec<AccountRecord>, Failed> {
    let first = entries.iter().filter_map(|entry| entry.legs.first()).map(|(number, _)| *number);
    let missing: BTreeSet<Number> = first.filter(|number| !locked.contains(number)).collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    known.learn(&session.client, std::iter::empty(), missing.iter().copied()).await?;
    let sql = format!("SELECT {ACCOUNT_COLUMNS} FROM ledger_accounts WHERE number = ANY($1)");
    let numbers = signed(missing.into_iter());
    let rows = session.client.query_typed(&sql, &[(&numbers, Type::INT4_ARRAY)]).await?;
    Ok(decoded(&rows, AccountRecord::read)?)
}

fn decoded<T>(rows: &[Row], read: fn(&Row) -> Result<T, StorageError>) -> Result<Vec<T>, StorageError> {
    rows.iter().map(read).collect()
}
