//! Ledger tests as text: one command a line, and after the bar what comes of it.
//!
//! ```text
//! account W zero                 opens W, never below zero; `none` as low as it comes; `zero LC` a limit with contra LC
//! transfer T C W 100   | ok      moves 100 from C to W under the id T
//! linked A C W 5 + B W X 5       several transfers, all or none
//! collect K W C 80 -D  | 60      moves up to 80 from W to C; D gives what is missing; what W gave
//! collect K W D owed     | 5       moves what D is below zero, as far as W has it
//! hold H W+L 60        | 40      holds 60 on W and on the limit L; W has 40 left
//! capture H P=30 C~5   | 35/35   charges 35: P is owed 30 in full, C gets 5 or its share; charged/collected
//! capture H P=30 -B              the same with B for the bad debt, which otherwise BAD bears
//! void H               | ok
//! flight H             | ok      something has gone out on H
//! at 2000                        time goes on
//! expire 9             | void H1 flight H2; at most 9 of each
//! limit X L C 50       | ok      the limit L is 50 from now on, under the id X, with C as the other side
//! limit X L restart    | ok      nothing of the limit L is spent from now on
//! balance W            | 65 5 60 posted, held, available
//! reopen               | ok      the file is closed and opened again, or another process comes (a ledger in memory stays)
//! ```

use crate::books::{Books, connect};
use opencredits_ledger::{
    Capture, ChangeLimit, Collect, Floor, Ledger, LedgerError, Leg, LimitChange, Most, OnShortfall, OpenAccount,
    PlaceHold, Replay, Transfer,
};
use opencredits_testkit::Postgres;
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use std::fmt::Write;
use std::path::PathBuf;

/// When holds of a table expire.
const EXPIRES: UnixMs = UnixMs::new(1_000);

/// Runs a table and compares what comes of each line that has a bar.
pub(crate) fn check(table: &str) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ledger.db");
    let database = Postgres::shared().map(Postgres::database);
    let places = [Some(Place::Memory), Some(Place::File(file)), database.map(Place::Database)];
    for place in places.into_iter().flatten() {
        let mut run = Run { ledger: place.open(), place, now: UnixMs::new(1) };
        run.line("account BAD none");
        for line in table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (command, expect) = line.split_once('|').map_or((line, None), |(c, e)| (c, Some(e.trim())));
            let outcome = run.line(command);
            if let Some(expect) = expect {
                assert_eq!(outcome, expect, "in the line: {line}");
            }
        }
        let report = run.ledger.verify();
        assert!(report.is_clean(), "{:?}", report.findings);
    }
}

/// Where the ledger of a table is.
enum Place {
    Memory,
    File(PathBuf),
    Database(String),
}

impl Place {
    fn open(&self) -> Books {
        match self {
            Self::Memory => Books::in_memory(),
            Self::File(file) => Books::Own(Ledger::open(file).unwrap()),
            Self::Database(database) => Books::Shared(connect(database)),
        }
    }
}

struct Run {
    ledger: Books,
    place: Place,
    now: UnixMs,
}

/// Names are ids: their letters are the low bytes, so that every name has its own; `0` is zero.
fn bits(name: &str) -> u128 {
    if name == "0" {
        return 0;
    }
    name.bytes().fold(0, |bits, byte| (bits << 8) | u128::from(byte))
}

fn account(name: &str) -> AccountId {
    AccountId::from_bits(bits(name))
}

fn entry(name: &str) -> EntryId {
    EntryId::from_bits(bits(name))
}

fn name_of(bits: u128) -> String {
    let bytes: Vec<u8> = bits.to_be_bytes().into_iter().filter(|byte| *byte != 0).collect();
    String::from_utf8(bytes).unwrap()
}

fn amount(text: &str) -> NanoUsd {
    NanoUsd::new(text.parse().unwrap())
}

impl Run {
    fn line(&mut self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        let outcome = match words[0] {
            "account" => self.open(&words[1..]),
            "transfer" => self.transfer(&words[1..]),
            "collect" => self.collect(&words[1..]),
            "linked" => self.linked(&words[1..]),
            "hold" => self.hold(&words[1..]),
            "capture" => self.capture(&words[1..]),
            "void" => self.ledger.void(entry(words[1]), self.now).map(|done| replayed("ok", done.replay)),
            "flight" => self.ledger.mark_in_flight(entry(words[1]), self.now).map(|_| "ok".to_owned()),
            "extend" => {
                let until = UnixMs::new(words[2].parse().unwrap());
                self.ledger.extend_hold(entry(words[1]), until, self.now).map(|_| "ok".to_owned())
            }
            "expire" => self.expire(words[1].parse().unwrap()),
            "limit" => self.limit(&words[1..]),
            "balance" => self.balance(words[1]),
            "reopen" => self.reopen(),
            "at" => {
                self.now = UnixMs::new(words[1].parse().unwrap());
                Ok(String::new())
            }
            other => panic!("no such command: {other}"),
        };
        outcome.unwrap_or_else(|error| told(&error))
    }

    fn reopen(&mut self) -> Result<String, LedgerError> {
        if !matches!(self.place, Place::Memory) {
            // A file is closed with its last handle.
            self.ledger = Books::in_memory();
            self.ledger = self.place.open();
        }
        Ok("ok".to_owned())
    }

    fn open(&self, words: &[&str]) -> Result<String, LedgerError> {
        let floor = if words[1] == "zero" { Floor::Zero } else { Floor::None };
        let contra = words.get(2).map(|name| account(name));
        self.ledger.open_account(OpenAccount { id: account(words[0]), floor, contra }, self.now)?;
        Ok("ok".to_owned())
    }

    fn transfer(&self, words: &[&str]) -> Result<String, LedgerError> {
        let done = self.ledger.transfer(read_transfer(words), self.now)?;
        Ok(replayed("ok", done.replay))
    }

    fn collect(&self, words: &[&str]) -> Result<String, LedgerError> {
        let [id, from, to, most] = [0, 1, 2, 3].map(|at| words[at]);
        let shortfall = words.get(4).map(|word| account(&word[1..]));
        let (from, to) = (account(from), account(to));
        let most = if most == "owed" { Most::Owed } else { Most::Amount(amount(most)) };
        let collect = Collect { id: entry(id), from, to, most, shortfall, memo: b"" };
        let done = self.ledger.collect(collect, self.now)?;
        Ok(replayed(&done.collected.get().to_string(), done.replay))
    }

    fn linked(&self, words: &[&str]) -> Result<String, LedgerError> {
        let transfers: Vec<Transfer<'_>> = words.split(|word| *word == "+").map(read_transfer).collect();
        let done = self.ledger.transfer_linked(&transfers, self.now)?;
        Ok(replayed("ok", done.replay))
    }

    fn hold(&self, words: &[&str]) -> Result<String, LedgerError> {
        let mut names = words[1].split('+');
        let payer = account(names.next().unwrap());
        let limits: Vec<AccountId> = names.map(account).collect();
        let hold =
            PlaceHold { id: entry(words[0]), payer, limits: &limits, amount: amount(words[2]), expires_at: EXPIRES };
        let held = self.ledger.place_hold(hold, self.now)?;
        Ok(replayed(&held.available.get().to_string(), held.replay))
    }

    fn capture(&self, words: &[&str]) -> Result<String, LedgerError> {
        let leg = |word: &str| {
            let at = word.find(['=', '~']).unwrap();
            let full = word.as_bytes()[at] == b'=';
            let on_shortfall = if full { OnShortfall::Full } else { OnShortfall::Proportional };
            Leg { to: account(&word[..at]), amount: amount(&word[at + 1..]), on_shortfall }
        };
        let (bearers, legs): (Vec<&str>, Vec<&str>) = words[1..].iter().partition(|word| word.starts_with('-'));
        let legs: Vec<Leg> = legs.into_iter().map(leg).collect();
        let bad_debt = account(bearers.first().map_or("BAD", |word| &word[1..]));
        let capture = Capture { hold: entry(words[0]), legs: &legs, bad_debt, memo: b"memo" };
        let done = self.ledger.capture(capture, self.now)?;
        Ok(replayed(&format!("{}/{}", done.charged.get(), done.collected.get()), done.replay))
    }

    fn limit(&self, words: &[&str]) -> Result<String, LedgerError> {
        let change = match words[2..] {
            ["restart"] => LimitChange::Restart,
            [from, to] => LimitChange::Amount { amount: amount(to), from: account(from) },
            _ => panic!("no such change: {words:?}"),
        };
        let change = ChangeLimit { id: entry(words[0]), limit: account(words[1]), change, memo: b"" };
        Ok(replayed("ok", self.ledger.change_limit(change, self.now)?.replay))
    }

    fn expire(&self, max: usize) -> Result<String, LedgerError> {
        let expired = self.ledger.expire_due(self.now, max)?;
        let mut told = String::new();
        for (word, ids) in [("void", expired.voided), ("flight", expired.in_flight)] {
            for id in ids {
                write!(told, "{word} {} ", name_of(id.bits())).unwrap();
            }
        }
        Ok(told.trim_end().to_owned())
    }

    fn balance(&self, name: &str) -> Result<String, LedgerError> {
        let balance = self.ledger.balance(account(name))?;
        assert_eq!(balance.posted.get(), balance.held.get() + balance.leased.get() + balance.available.get());
        Ok(format!("{} {} {}", balance.posted.get(), balance.held.get(), balance.available.get()))
    }
}

fn read_transfer<'a>(words: &[&'a str]) -> Transfer<'a> {
    Transfer {
        id: entry(words[0]),
        from: account(words[1]),
        to: account(words[2]),
        amount: amount(words[3]),
        memo: b"",
    }
}

fn replayed(outcome: &str, replay: Replay) -> String {
    match replay {
        Replay::First => outcome.to_owned(),
        Replay::Open => format!("{outcome} open"),
        Replay::Finished => format!("{outcome} again"),
    }
}

fn told(error: &LedgerError) -> String {
    match error {
        LedgerError::InsufficientFunds { account, required, available } => {
            format!("{} needs {} has {}", name_of(account.bits()), required.get(), available.get())
        }
        LedgerError::UnknownAccount { account } => {
            format!("no account {}", name_of(account.bits()))
        }
        LedgerError::NoLimit { account } => format!("{} is no limit", name_of(account.bits())),
        LedgerError::UnknownHold { id } => format!("no hold {}", name_of(id.bits())),
        LedgerError::HoldFinished { how, .. } => (*how).to_owned(),
        LedgerError::IdempotencyMismatch { .. } => "mismatch".to_owned(),
        LedgerError::Amount => "amount".to_owned(),
        LedgerError::Limit { what, .. } => format!("limit: {what}"),
        other => other.to_string(),
    }
}
