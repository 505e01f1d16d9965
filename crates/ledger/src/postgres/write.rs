//! The effects of a batch, as statements.

use super::error::Failed;
use super::known::Known;
#[cfg(feature = "sqlite")]
use super::rows::AccountRecord;
use super::rows::{
    CommitDigest, EntryRecord, floor_number, id_bytes, kind_number, leg_bytes, limit_bytes, phase_number,
};
use super::scope::{Place, Scope};
use super::session::Session;
use super::statements::{Sql, Statements, Values, ends};
use crate::codec::{self, AccountParts, Hold, Number};
use crate::error::StorageError;
use crate::journal::Batch;
use crate::state::Effects;
use opencredits_units::EntryId;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

const OPEN: &str = "INSERT INTO ledger_accounts (number, id, floor, contra, posted, held, commit)
    SELECT opened.number, opened.id, opened.floor, opened.contra, opened.posted, opened.held, ledger_head.commit
    FROM ledger_head, UNNEST($1, $2, $3, $4, $5, $6) AS opened(number, id, floor, contra, posted, held)";
const COUNT: &str = "UPDATE ledger_numbers SET accounts = accounts + $1";
/// What a batch writes.
#[derive(Default)]
pub(crate) struct Writing {
    opened: Vec<(Number, AccountParts)>,
    placed: Vec<(EntryId, Hold)>,
    changed: Vec<(EntryId, Hold)>,
    ended: Vec<EntryId>,
    entries: Vec<EntryRecord>,
    /// Of accounts that are there, and of those that are opened.
    gained: Gains,
    fresh: Gains,
    /// The accounts that are not locked yet.
    house: Vec<i32>,
    writer: i64,
}

#[derive(Default)]
struct Gains {
    numbers: Vec<i32>,
    posted: Vec<i64>,
    held: Vec<i64>,
}

impl Writing {
    /// The last state of each row that changed, with the database's numbers.
    pub(crate) fn of(scope: &Scope, effects: &Effects, writer: i64) -> Result<Self, StorageError> {
        let batch = Batch::of(effects, |id| scope.on_disk.contains(&id));
        let damaged = || StorageError::Damaged { table: "ledger_accounts" };
        let own = |local: Number| scope.number(local).ok_or_else(damaged);
        let mut writing = Self { opened: scope.opened().collect(), writer, ..Self::default() };
        for (id, hold) in batch.holds {
            let Some(hold) = hold else {
                writing.ended.push(id);
                continue;
            };
            let limits = hold.limits.iter().map(|limit| own(*limit)).collect::<Result<_, _>>()?;
            let hold = Hold { payer: own(hold.payer)?, limits, ..hold };
            let list = if scope.on_disk.contains(&id) { &mut writing.changed } else { &mut writing.placed };
            list.push((id, hold));
        }
        for (id, body) in batch.entries {
            let entry = codec::read_entry(id, &body).ok_or_else(damaged)?;
            let legs = entry.legs.iter().map(|(number, amount)| Ok((own(*number)?, *amount)));
            writing.entries.push(EntryRecord {
                id,
                commit: 0,
                kind: entry.kind,
                at: entry.at,
                fingerprint: entry.fingerprint,
                charged: entry.charged,
                legs: legs.collect::<Result<_, StorageError>>()?,
                memo: entry.memo,
            });
        }
        for (number, posted, held, place) in scope.gains() {
            if place == Place::House {
                writing.house.push(number.cast_signed());
            }
            let gains = if place == Place::Opened { &mut writing.fresh } else { &mut writing.gained };
            gains.numbers.push(number.cast_signed());
            gains.posted.push(posted);
            gains.held.push(held);
        }
        Ok(writing)
    }

    /// Rows that are moved here, with the database's numbers. Accounts come with their sums.
    #[cfg(feature = "sqlite")]
    pub(crate) fn moved(
        accounts: &[AccountRecord],
        placed: Vec<(EntryId, Hold)>,
        entries: Vec<EntryRecord>,
        writer: i64,
    ) -> Self {
        let fresh = Gains {
            numbers: accounts.iter().map(|account| account.number.cast_signed()).collect(),
            posted: accounts.iter().map(|account| account.posted.get()).collect(),
            held: accounts.iter().map(|account| account.held.get()).collect(),
        };
        let opened = accounts.iter().map(|account| (account.number, account.parts)).collect();
        Self { opened, placed, entries, fresh, writer, ..Self::default() }
    }

    /// Sends everything and the commit at once, and looks at every answer.
    pub(crate) async fn commit(&self, session: &Session) -> Result<(), Failed> {
        self.commit_on(&session.client, &session.statements).await
    }

    /// The same on a connection that has begun a transaction.
    pub(crate) async fn commit_on(&self, client: &Client, statements: &Statements) -> Result<(), Failed> {
        let sending = Sending { client, statements, has_failed: AtomicBool::new(false) };
        let (held, gained, entered, opened, committed) = tokio::join!(
            biased;
            self.hold(&sending),
            self.gain(&sending),
            self.enter(&sending),
            self.open(&sending),
            sending.commit(),
        );
        // The database has made a rollback of the commit after a statement that it refused. One without an answer tells nothing.
        for done in [held, gained, entered, opened] {
            let Err(error) = done else { continue };
            // Class 08 is a pool's, which has lost the database.
            let is_answer = error.code().is_some_and(|code| !code.code().starts_with("08"));
            return Err(if is_answer { error.into() } else { Failed::Unknown });
        }
        committed.map_err(|_| Failed::Unknown)
    }

    /// What never changes of what was written.
    pub(crate) fn remember(&self, known: &Known) {
        for (number, parts) in &self.opened {
            known.add_account(*number, *parts);
        }
        for (id, hold) in &self.placed {
            known.add_hold(*id, hold.accounts().collect());
        }
        self.ended.iter().for_each(|id| known.end_hold(*id));
    }

    async fn open(&self, sending: &Sending<'_>) -> Result<(), tokio_postgres::Error> {
        if self.opened.is_empty() {
            return Ok(());
        }
        let numbers: Vec<i32> = self.opened.iter().map(|(number, _)| number.cast_signed()).collect();
        let ids: Vec<Vec<u8>> = self.opened.iter().map(|(_, parts)| id_bytes(parts.id.bits())).collect();
        let floors: Vec<i16> = self.opened.iter().map(|(_, parts)| floor_number(parts.floor)).collect();
        let contras: Vec<Option<i32>> =
            self.opened.iter().map(|(_, parts)| parts.contra.map(u32::cast_signed)).collect();
        let count = i32::try_from(self.opened.len()).unwrap_or(i32::MAX);
        let opened: [(&(dyn ToSql + Sync), Type); 6] = [
            (&numbers, Type::INT4_ARRAY),
            (&ids, Type::BYTEA_ARRAY),
            (&floors, Type::INT2_ARRAY),
            (&contras, Type::INT4_ARRAY),
            (&self.fresh.posted, Type::INT8_ARRAY),
            (&self.fresh.held, Type::INT8_ARRAY),
        ];
        let counted: [(&(dyn ToSql + Sync), Type); 1] = [(&count, Type::INT4)];
        let (opened, counted) = tokio::join!(
            biased;
            sending.execute_typed(OPEN, &opened),
            sending.execute_typed(COUNT, &counted),
        );
        opened.and(counted)
    }

    async fn hold(&self, sending: &Sending<'_>) -> Result<(), tokio_postgres::Error> {
        let (claimed, placed, changed, ended) = tokio::join!(
            biased;
            self.claim(sending),
            self.place(sending),
            self.change(sending),
            self.end(sending),
        );
        claimed.and(placed).and(changed).and(ended)
    }

    /// Claims the ids of entries that are no ends of holds.
    async fn claim(&self, sending: &Sending<'_>) -> Result<(), tokio_postgres::Error> {
        let ended: BTreeSet<EntryId> = self.ended.iter().copied().collect();
        let made = self.entries.iter().map(|entry| entry.id).filter(|id| !ended.contains(id));
        let ids: Vec<Vec<u8>> = made.map(|id| id_bytes(id.bits())).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let claimed: Values<'_> = &[&ids, &self.writer];
        let of_ids: Values<'_> = &[&ids];
        let (claimed, ended) =
            tokio::join!(biased; sending.execute(Sql::Claim, claimed), sending.execute(Sql::End, of_ids));
        claimed.and(ended)
    }

    async fn place(&self, sending: &Sending<'_>) -> Result<(), tokio_postgres::Error> {
        if self.placed.is_empty() {
            return Ok(());
        }
        let holds = Holds::of(&self.placed);
        let payers: Vec<i32> = self.placed.iter().map(|(_, hold)| hold.payer.cast_signed()).collect();
        let limits: Vec<Vec<u8>> =
            self.placed.iter().map(|(_, hold)| limit_bytes(hold.limits.iter().copied())).collect();
        let amounts: Vec<i64> = self.placed.iter().map(|(_, hold)| hold.amount.get()).collect();
        let prints: Vec<i64> = self.placed.iter().map(|(_, hold)| hold.fingerprint.cast_signed()).collect();
        let values: Values<'_> =
            &[&holds.ids, &payers, &limits, &amounts, &holds.expiries, &holds.phases, &prints, &self.writer];
        let (lowest, highest) = ends(&holds.ids);
        let of_ids: Values<'_> = &[&holds.ids, &lowest, &highest];
        let (placed, guarded) =
            tokio::join!(biased; sending.execute(Sql::Place, values), sending.execute(Sql::Guard, of_ids));
        placed.and(guarded)
    }

    async fn change(&self, sending: &Sending<'_>) -> Result<(), tokio_postgres::Error> {
        if self.changed.is_empty() {
            return Ok(());
        }
        let holds = Holds::of(&self.changed);
        sending.execute(Sql::Change, &[&holds.ids, &holds.expiries, &holds.phases]).await
    }

    async fn end(&self, sending: &Sending<'_>) -> Result<(), tokio_postgres::Error> {
        if self.ended.is_empty() {
            return Ok(());
        }
        let ids: Vec<Vec<u8>> = self.ended.iter().map(|id| id_bytes(id.bits())).collect();
        sending.execute(Sql::End, &[&ids]).await
    }

    /// Accounts of the house are locked just before, in the order of their numbers.
    async fn gain(&self, sending: &Sending<'_>) -> Result<(), tokio_postgres::Error> {
        let Gains { numbers, posted, held } = &self.gained;
        if numbers.is_empty() {
            return Ok(());
        }
        let house: Values<'_> = &[&self.house];
        let lock = async { if self.house.is_empty() { Ok(()) } else { sending.execute(Sql::LockHouse, house).await } };
        let gains: Values<'_> = &[numbers, posted, held];
        let (locked, gained) = tokio::join!(biased; lock, sending.execute(Sql::Gain, gains));
        locked.and(gained)
    }

    async fn enter(&self, sending: &Sending<'_>) -> Result<(), tokio_postgres::Error> {
        if self.entries.is_empty() && self.opened.is_empty() {
            return Ok(());
        }
        let mut digest = CommitDigest::default();
        self.opened.iter().for_each(|(number, parts)| digest.account(*number, parts));
        self.entries.iter().for_each(|entry| digest.entry(entry));
        let (count, digest) = (i64::try_from(self.entries.len()).unwrap_or(i64::MAX), digest.finish());
        let digest: &[u8] = &digest;
        let ids: Vec<Vec<u8>> = self.entries.iter().map(|entry| id_bytes(entry.id.bits())).collect();
        let kinds: Vec<i16> = self.entries.iter().map(|entry| kind_number(entry.kind)).collect();
        let times: Vec<i64> = self.entries.iter().map(|entry| entry.at.get().cast_signed()).collect();
        let prints: Vec<i64> = self.entries.iter().map(|entry| entry.fingerprint.cast_signed()).collect();
        let charged: Vec<i64> = self.entries.iter().map(|entry| entry.charged.get()).collect();
        let legs: Vec<Vec<u8>> = self.entries.iter().map(|entry| leg_bytes(&entry.legs)).collect();
        let memos: Vec<&[u8]> = self.entries.iter().map(|entry| entry.memo.as_slice()).collect();
        let values: Values<'_> =
            &[&count, &digest, &self.writer, &ids, &kinds, &times, &prints, &charged, &legs, &memos];
        sending.execute(Sql::Enter, values).await
    }
}

/// The statements of a batch, sent one after another without waiting.
struct Sending<'a> {
    client: &'a Client,
    statements: &'a Statements,
    has_failed: AtomicBool,
}

impl Sending<'_> {
    async fn execute(&self, sql: Sql, values: Values<'_>) -> Result<(), tokio_postgres::Error> {
        self.noted(self.statements.execute(self.client, sql, values).await)
    }

    /// A statement that few batches have.
    async fn execute_typed(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<(), tokio_postgres::Error> {
        self.noted(self.client.execute_typed(sql, parameters).await.map(drop))
    }

    fn noted(&self, done: Result<(), tokio_postgres::Error>) -> Result<(), tokio_postgres::Error> {
        if done.is_err() {
            self.has_failed.store(true, Ordering::Relaxed);
        }
        done
    }

    /// Commits, unless a statement was not even sent: the database would know nothing of that.
    async fn commit(&self) -> Result<(), tokio_postgres::Error> {
        let end = if self.has_failed.load(Ordering::Relaxed) { "ROLLBACK" } else { "COMMIT" };
        self.client.batch_execute(end).await
    }
}

/// The columns that every statement about holds has.
struct Holds {
    ids: Vec<Vec<u8>>,
    expiries: Vec<i64>,
    phases: Vec<i16>,
}

impl Holds {
    fn of(holds: &[(EntryId, Hold)]) -> Self {
        Self {
            ids: holds.iter().map(|(id, _)| id_bytes(id.bits())).collect(),
            expiries: holds.iter().map(|(_, hold)| hold.expires_at.get().cast_signed()).collect(),
            phases: holds.iter().map(|(_, hold)| phase_number(hold.phase)).collect(),
        }
    }
}
