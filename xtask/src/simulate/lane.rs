//! A writer's queue and its batch: what came while a batch was on its way is the next one.

use super::numbers::Nanos;
use super::requests::{Command, Kind};
use std::collections::VecDeque;

/// Commands that may wait in one queue before holds are refused, as in the ledger.
const WAITING_MAX: usize = 65_536;

/// What a transaction does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// There is no transaction.
    Idle,
    /// Its first statements have reached the database.
    Begin,
    /// It locks the accounts that decide.
    Lock,
    /// It reads.
    Read,
    /// The rows travel to the gateway.
    Answered,
    /// The gateway decides.
    Decide,
    /// The writes and COMMIT travel to the database.
    Send,
    /// It writes holds, and balances where it has no entries.
    Write,
    /// It locks the accounts of the house and the head.
    LockHead,
    /// The head was unlocked, and it is woken.
    Woken,
    /// It tries again to lock the head.
    LockAgain,
    /// It writes balances and entries.
    Enter,
    /// COMMIT is sent now, where it was not sent with the writes.
    Apart,
    /// It commits: a durable batch waits for the disk.
    Commit,
    /// A durable batch waits for the standby.
    Standby,
    /// It ends the transaction.
    Finish,
    /// Its locks end.
    Release,
    /// The answer travels to the gateway.
    Return,
    /// The commands are answered.
    Answer,
}

/// What a transaction waits for or uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spent {
    Trips,
    Cores,
    Wallets,
    Head,
    Disk,
}

/// A connection that writes, with its queue.
pub(super) struct Lane {
    pub(super) shard: usize,
    pub(super) stage: Stage,
    /// What its transaction spends its time with, and since when.
    pub(super) spends: (Spent, Nanos),
    /// Whether it is going to look into its queue.
    pub(super) is_called: bool,
    queue: VecDeque<Command>,
    pub(super) batch: Vec<Command>,
    /// The captures in the batch: where there are some, it has entries and locks the head.
    pub(super) captures: usize,
    /// Accounts that decide, in the order of their numbers, and how many of them are locked.
    pub(super) accounts: Vec<usize>,
    pub(super) locked: usize,
}

impl Lane {
    pub(super) fn new(shard: usize) -> Self {
        Self {
            shard,
            stage: Stage::Idle,
            spends: (Spent::Trips, 0),
            is_called: false,
            queue: VecDeque::new(),
            batch: Vec::new(),
            captures: 0,
            accounts: Vec::new(),
            locked: 0,
        }
    }

    /// Queues a command. Whether it is taken: holds are not, where too many wait.
    pub(super) fn put(&mut self, command: Command) -> bool {
        let waiting = self.queue.len().saturating_add(self.batch.len());
        let is_taken = command.kind != Kind::Hold || waiting < WAITING_MAX;
        if is_taken {
            self.queue.push_back(command);
        }
        is_taken
    }

    /// Whether a batch could begin now.
    pub(super) fn is_ready(&self) -> bool {
        self.stage == Stage::Idle && !self.queue.is_empty()
    }

    /// Makes a batch of what waits.
    pub(super) fn take(&mut self, max: usize) {
        let count = self.queue.len().min(max);
        self.batch.extend(self.queue.drain(..count));
        self.captures = self.batch.iter().filter(|command| command.kind == Kind::Capture).count();
        self.stage = Stage::Begin;
        self.locked = 0;
    }

    /// The account that is locked next.
    pub(super) fn next_account(&self) -> Option<usize> {
        self.accounts.get(self.locked).copied()
    }
}
