//! What goes into a ledger, and what comes out.

use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};

/// How low an account may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Floor {
    /// Never below zero: a wallet, a limit.
    Zero,
    /// As low as it comes: the other side of the books, such as clearing or payables.
    None,
}

/// Opens an account. Opening it again in the same way changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenAccount {
    /// The account.
    pub id: AccountId,
    /// How low it may go.
    pub floor: Floor,
    /// For a limit: where a captured amount moves to. Limits count money, they are none.
    pub contra: Option<AccountId>,
}

/// Holds an amount on a payer and on limits at once, or on none.
#[derive(Debug, Clone, Copy)]
pub struct PlaceHold<'a> {
    /// The hold, time-ordered; also the idempotency key.
    pub id: EntryId,
    /// Who pays.
    pub payer: AccountId,
    /// Limits that must cover the amount as well.
    pub limits: &'a [AccountId],
    /// The worst case.
    pub amount: NanoUsd,
    /// When the hold ends if nobody settles it.
    pub expires_at: UnixMs,
}

/// What a leg gets when the payer cannot pay the whole charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnShortfall {
    /// All of it; what is missing is bad debt. For what is owed to others.
    Full,
    /// Its share of what was collected. For a commission: money only from money.
    Proportional,
}

/// A part of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// Who gets it.
    pub to: AccountId,
    /// How much of the charge it is.
    pub amount: NanoUsd,
    /// What it gets when not all is collected.
    pub on_shortfall: OnShortfall,
}

/// Takes a charge from a hold and releases the rest.
#[derive(Debug, Clone, Copy)]
pub struct Capture<'a> {
    /// The hold.
    pub hold: EntryId,
    /// Where the charge goes; its amount is their sum, which may exceed the hold.
    pub legs: &'a [Leg],
    /// Who bears what cannot be collected; with [`Floor::Zero`] it must have it, or the capture is refused.
    pub bad_debt: AccountId,
    /// Opaque to the ledger, kept with the entry.
    pub memo: &'a [u8],
}

/// Moves an amount. Its id is its idempotency key and may be any 128 bits but zero.
#[derive(Debug, Clone, Copy)]
pub struct Transfer<'a> {
    /// The transfer.
    pub id: EntryId,
    /// Who gives.
    pub from: AccountId,
    /// Who gets.
    pub to: AccountId,
    /// How much.
    pub amount: NanoUsd,
    /// Opaque to the ledger, kept with the entry.
    pub memo: &'a [u8],
}

/// Whether an id was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// This was the first time.
    First,
    /// The same request was decided before, and is still open.
    Open,
    /// The same request was decided before, and is finished.
    Finished,
}

/// A hold is in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// What the payer has left.
    pub available: NanoUsd,
    /// Whether the id was seen before.
    pub replay: Replay,
}

/// A charge was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Captured {
    /// The charge.
    pub charged: NanoUsd,
    /// What the payer paid of it.
    pub collected: NanoUsd,
    /// What the payer has left.
    pub available: NanoUsd,
    /// Whether the hold had been captured before; then the first capture counts.
    pub replay: Replay,
}

/// A hold was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voided {
    /// Whether it had been voided before.
    pub replay: Replay,
}

/// A transfer was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transferred {
    /// Whether it had been made before.
    pub replay: Replay,
}

/// What became of holds whose time is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    /// Nothing had gone out on them: released.
    pub voided: Vec<EntryId>,
    /// Something had gone out on them: still held, and for the caller to settle by its policy.
    pub in_flight: Vec<EntryId>,
}

/// What an account has: `posted = held + leased + available`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// The sum of its entries.
    pub posted: NanoUsd,
    /// What holds keep.
    pub held: NanoUsd,
    /// What has been lent to other processes to spend.
    pub leased: NanoUsd,
    /// What can be held or moved.
    pub available: NanoUsd,
}

/// Whether anything has gone out on a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not yet: when it expires it is released.
    Reserved,
    /// Yes: when it expires its holder decides.
    InFlight,
}

/// An open hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRow {
    /// The hold.
    pub id: EntryId,
    /// Who pays.
    pub payer: AccountId,
    /// Limits held as well.
    pub limits: Vec<AccountId>,
    /// How much.
    pub amount: NanoUsd,
    /// When it ends.
    pub expires_at: UnixMs,
    /// Whether anything has gone out on it.
    pub phase: Phase,
}

/// What an entry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A transfer.
    Transfer,
    /// A captured hold.
    Capture,
    /// A released hold; it has no legs, and keeps its id from being used again.
    Void,
}

/// A row of the books. Its legs sum to zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// The hold or transfer that made it.
    pub id: EntryId,
    /// What it records.
    pub kind: EntryKind,
    /// When it was decided.
    pub at: UnixMs,
    /// Who got how much; givers are negative.
    pub legs: Vec<(AccountId, NanoUsd)>,
    /// For a capture: the charge, of which the payer's leg may be less.
    pub charged: NanoUsd,
    /// As it was given.
    pub memo: Vec<u8>,
}

/// An account and what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountRow {
    /// How it was opened.
    pub account: OpenAccount,
    /// What it has.
    pub balance: Balance,
}
