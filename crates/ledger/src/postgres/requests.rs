//! Commands as they wait for their batch: whole, with the rows that decide them, and with whom to tell.

use crate::commands::{ExpireDue, Extend, Linked, MarkInFlight, Void};
use crate::error::LedgerError;
use crate::state::{Effects, State};
use crate::types::{
    Capture, Captured, ChangeLimit, Collect, Collected, Expired, Held, Leg, LimitChange, LimitChanged, Most,
    OpenAccount, PlaceHold, Transfer, Transferred, Voided,
};
use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};
use std::collections::BTreeSet;
use tokio::sync::oneshot;

/// The rows that decide a batch.
#[derive(Default)]
pub(crate) struct Needs {
    /// Accounts that are named. Those with a floor are read and locked; of the others it is enough what they are.
    pub(crate) accounts: BTreeSet<AccountId>,
    /// Accounts that are read and locked whatever their floor, since their balance decides.
    pub(crate) exact: BTreeSet<AccountId>,
    /// Limits whose contra accounts are read and locked, too.
    pub(crate) limits: BTreeSet<AccountId>,
    /// Ids whose holds and entries are read.
    pub(crate) ids: BTreeSet<EntryId>,
    /// The same, of holds that should be open, and so lock accounts.
    pub(crate) ends: BTreeSet<EntryId>,
    /// At most so many expired holds of each phase are read, as of this time.
    pub(crate) due: Option<(UnixMs, usize)>,
    /// Whether accounts may be opened.
    pub(crate) opens: bool,
    /// The latest time of a command, which tells which ids are old.
    pub(crate) now: UnixMs,
}

impl Needs {
    /// Every id whose hold and entry are read.
    pub(crate) fn ids(&self) -> impl Iterator<Item = EntryId> {
        self.ids.union(&self.ends).copied()
    }
}

/// What spreads requests over the connections.
#[derive(Clone, Copy)]
pub(crate) enum Affinity {
    /// Those of one account go one after another.
    Account(AccountId),
    /// It goes where its hold went.
    Hold(EntryId),
}

/// A command that owns its parts.
pub(crate) trait Request: Send + 'static {
    type Outcome: Send + 'static;
    /// Whether it begins something. It is refused, and not kept waiting, while the database is away.
    const BEGINS: bool = true;
    fn affinity(&self) -> Affinity;
    fn needs(&self, now: UnixMs, needs: &mut Needs);
    fn decide(&self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<Self::Outcome, LedgerError>;
}

/// A request in a queue.
pub(crate) trait Waiting: Send {
    fn needs(&self, needs: &mut Needs);
    /// Decides, and keeps the outcome. A batch that is repeated decides again.
    fn decide(&mut self, state: &mut State, effects: &mut Effects);
    fn begins(&self) -> bool;
    fn is_durable(&self) -> bool;
    /// Tells the outcome of the last decision.
    fn answer(self: Box<Self>);
    /// Tells that there is none.
    fn refuse(self: Box<Self>, error: LedgerError);
}

pub(crate) struct Asked<R: Request> {
    pub(crate) request: R,
    pub(crate) now: UnixMs,
    pub(crate) is_durable: bool,
    pub(crate) outcome: Option<Result<R::Outcome, LedgerError>>,
    pub(crate) reply: oneshot::Sender<Result<R::Outcome, LedgerError>>,
}

impl<R: Request> Waiting for Asked<R> {
    fn needs(&self, needs: &mut Needs) {
        needs.now = needs.now.max(self.now);
        self.request.needs(self.now, needs);
    }

    fn decide(&mut self, state: &mut State, effects: &mut Effects) {
        self.outcome = Some(self.request.decide(state, self.now, effects));
    }

    fn begins(&self) -> bool {
        R::BEGINS
    }

    fn is_durable(&self) -> bool {
        self.is_durable
    }

    fn answer(self: Box<Self>) {
        let outcome = self.outcome.unwrap_or(Err(LedgerError::CommitUnknown));
        // Whoever asked may be gone.
        let _gone = self.reply.send(outcome);
    }

    fn refuse(self: Box<Self>, error: LedgerError) {
        let _gone = self.reply.send(Err(error));
    }
}

impl Request for OpenAccount {
    type Outcome = ();

    fn affinity(&self) -> Affinity {
        Affinity::Account(self.id)
    }

    fn needs(&self, _now: UnixMs, needs: &mut Needs) {
        needs.opens = true;
        needs.accounts.insert(self.id);
        needs.accounts.extend(self.contra);
    }

    fn decide(&self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<(), LedgerError> {
        state.apply(*self, now, effects)
    }
}

/// [`PlaceHold`].
pub(crate) struct Place {
    pub(crate) id: EntryId,
    pub(crate) payer: AccountId,
    pub(crate) limits: Vec<AccountId>,
    pub(crate) amount: NanoUsd,
    pub(crate) expires_at: UnixMs,
}

impl Request for Place {
    type Outcome = Held;

    fn affinity(&self) -> Affinity {
        Affinity::Account(self.payer)
    }

    fn needs(&self, _now: UnixMs, needs: &mut Needs) {
        needs.ids.insert(self.id);
        needs.exact.insert(self.payer);
        needs.exact.extend(&self.limits);
    }

    fn decide(&self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<Held, LedgerError> {
        let Self { id, payer, limits, amount, expires_at } = self;
        let hold = PlaceHold { id: *id, payer: *payer, limits, amount: *amount, expires_at: *expires_at };
        state.apply(hold, now, effects)
    }
}

/// A command on one hold, of which nothing else is named.
macro_rules! of_hold {
    ($command:ty, $outcome:ty, $id:tt) => {
        impl Request for $command {
            type Outcome = $outcome;
            const BEGINS: bool = false;

            fn affinity(&self) -> Affinity {
                Affinity::Hold(self.$id)
            }

            fn needs(&self, _now: UnixMs, needs: &mut Needs) {
                needs.ends.insert(self.$id);
            }

            fn decide(&self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<$outcome, LedgerError> {
                state.apply(*self, now, effects)
            }
        }
    };
}

of_hold!(Extend, (), id);
of_hold!(MarkInFlight, (), 0);
of_hold!(Void, Voided, 0);

/// [`Capture`].
pub(crate) struct Charge {
    pub(crate) hold: EntryId,
    pub(crate) legs: Vec<Leg>,
    pub(crate) bad_debt: AccountId,
    pub(crate) memo: Box<[u8]>,
}

impl Request for Charge {
    type Outcome = Captured;
    const BEGINS: bool = false;

    fn affinity(&self) -> Affinity {
        Affinity::Hold(self.hold)
    }

    fn needs(&self, _now: UnixMs, needs: &mut Needs) {
        needs.ends.insert(self.hold);
        needs.accounts.extend(self.legs.iter().map(|leg| leg.to));
        needs.accounts.insert(self.bad_debt);
    }

    fn decide(&self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<Captured, LedgerError> {
        let Self { hold, legs, bad_debt, memo } = self;
        state.apply(Capture { hold: *hold, legs, bad_debt: *bad_debt, memo }, now, effects)
    }
}

impl Request for ExpireDue {
    type Outcome = Expired;

    fn affinity(&self) -> Affinity {
        Affinity::Account(AccountId::from_bits(0))
    }

    fn needs(&self, now: UnixMs, needs: &mut Needs) {
        let max = needs.due.map_or(0, |(_, max)| max).max(self.max);
        needs.due = Some((now, max));
    }

    fn decide(&self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<Expired, LedgerError> {
        state.apply(*self, now, effects)
    }
}

/// [`Transfer`].
pub(crate) struct Move {
    id: EntryId,
    from: AccountId,
    to: AccountId,
    amount: NanoUsd,
    memo: Box<[u8]>,
}

/// Transfers, all or none.
pub(crate) struct Moves(Vec<Move>);

impl Moves {
    pub(crate) fn of(transfers: &[Transfer<'_>]) -> Self {
        let own = |transfer: &Transfer<'_>| {
            let Transfer { id, from, to, amount, memo } = *transfer;
            Move { id, from, to, amount, memo: memo.into() }
        };
        Self(transfers.iter().map(own).collect())
    }
}

impl Request for Moves {
    type Outcome = Transferred;

    fn affinity(&self) -> Affinity {
        Affinity::Account(self.0.first().map(|first| first.from).unwrap_or_default())
    }

    fn needs(&self, _now: UnixMs, needs: &mut Needs) {
        for Move { id, from, to, .. } in &self.0 {
            needs.ids.insert(*id);
            needs.accounts.extend([*from, *to]);
        }
    }

    fn decide(&self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<Transferred, LedgerError> {
        let transfers: Vec<Transfer<'_>> = self.0.iter().map(Move::borrow).collect();
        state.apply(Linked(&transfers), now, effects)
    }
}

impl Move {
    fn borrow(&self) -> Transfer<'_> {
        let Self { id, from, to, amount, memo } = self;
        Transfer { id: *id, from: *from, to: *to, amount: *amount, memo }
    }
}

/// [`Collect`].
pub(crate) struct Gather {
    pub(crate) id: EntryId,
    pub(crate) from: AccountId,
    pub(crate) to: AccountId,
    pub(crate) most: Most,
    pub(crate) shortfall: Option<AccountId>,
    pub(crate) memo: Box<[u8]>,
}

impl Request for Gather {
    type Outcome = Collected;

    fn affinity(&self) -> Affinity {
        Affinity::Account(self.from)
    }

    fn needs(&self, _now: UnixMs, needs: &mut Needs) {
        needs.ids.insert(self.id);
        needs.accounts.extend([self.from, self.to]);
        needs.accounts.extend(self.shortfall);
        if self.most == Most::Owed {
            needs.exact.insert(self.to);
        }
    }

    fn decide(&self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<Collected, LedgerError> {
        let Self { id, from, to, most, shortfall, memo } = self;
        let collect = Collect { id: *id, from: *from, to: *to, most: *most, shortfall: *shortfall, memo };
        state.apply(collect, now, effects)
    }
}

/// [`ChangeLimit`].
pub(crate) struct Change {
    pub(crate) id: EntryId,
    pub(crate) limit: AccountId,
    pub(crate) change: LimitChange,
    pub(crate) memo: Box<[u8]>,
}

impl Request for Change {
    type Outcome = LimitChanged;

    fn affinity(&self) -> Affinity {
        Affinity::Account(self.limit)
    }

    fn needs(&self, _now: UnixMs, needs: &mut Needs) {
        needs.ids.insert(self.id);
        needs.exact.insert(self.limit);
        needs.limits.insert(self.limit);
        if let LimitChange::Amount { from, .. } = self.change {
            needs.accounts.insert(from);
        }
    }

    fn decide(&self, state: &mut State, now: UnixMs, effects: &mut Effects) -> Result<LimitChanged, LedgerError> {
        let Self { id, limit, change, memo } = self;
        state.apply(ChangeLimit { id: *id, limit: *limit, change: *change, memo }, now, effects)
    }
}
