//! The inputs and outputs of a ledger.

use opencredits_units::{AccountId, EntryId, NanoUsd, UnixMs};

/// The floor of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Floor {
    /// Never below zero: a wallet, a limit.
    Zero,
    /// None: the other side of the books, such as clearing or payables.
    None,
}

/// Opens an account. Opening it again with the same data changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenAccount {
    /// The account.
    pub id: AccountId,
    /// The floor.
    pub floor: Floor,
    /// For a limit: the account that captured amounts move to. Limits count money, and hold none.
    pub contra: Option<AccountId>,
}

/// Holds an amount on a payer and on limits at once, or on none.
#[derive(Debug, Clone, Copy)]
pub struct PlaceHold<'a> {
    /// The hold, time-ordered; also the idempotency key.
    pub id: EntryId,
    /// The payer.
    pub payer: AccountId,
    /// Limits that must cover the amount as well.
    pub limits: &'a [AccountId],
    /// The worst case.
    pub amount: NanoUsd,
    /// The expiry of the hold.
    pub expires_at: UnixMs,
}

/// The amount of a leg when the payer cannot pay the whole charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnShortfall {
    /// All of it; the missing part is bad debt. For amounts owed to others.
    Full,
    /// Its share of the collected amount. For a commission, which is paid only from collected money.
    Proportional,
}

/// A part of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// The account that gets it.
    pub to: AccountId,
    /// Its part of the charge.
    pub amount: NanoUsd,
    /// The amount when not all is collected.
    pub on_shortfall: OnShortfall,
}

/// Takes a charge from a hold and releases the rest.
#[derive(Debug, Clone, Copy)]
pub struct Capture<'a> {
    /// The hold.
    pub hold: EntryId,
    /// The legs of the charge. Its amount is their sum, which may exceed the hold.
    pub legs: &'a [Leg],
    /// The account that covers uncollected amounts. With [`Floor::Zero`] it must have them, or the capture is refused.
    pub bad_debt: AccountId,
    /// Opaque to the ledger, kept with the entry.
    pub memo: &'a [u8],
}

/// Moves an amount. Its id is its idempotency key and may be any 128 bits but zero.
#[derive(Debug, Clone, Copy)]
pub struct Transfer<'a> {
    /// The transfer.
    pub id: EntryId,
    /// The giving account.
    pub from: AccountId,
    /// The receiving account.
    pub to: AccountId,
    /// The amount.
    pub amount: NanoUsd,
    /// Opaque to the ledger, kept with the entry.
    pub memo: &'a [u8],
}

/// The most that a collection moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Most {
    /// This amount.
    Amount(NanoUsd),
    /// What the receiving account is below zero: the rest of a debt.
    Owed,
}

/// Moves what an account has available, up to an amount. What is missing comes from another account, or is not moved.
///
/// For credits that are taken back after they may have been spent: what is missing becomes a debt.
#[derive(Debug, Clone, Copy)]
pub struct Collect<'a> {
    /// The collection; also the idempotency key.
    pub id: EntryId,
    /// The giving account.
    pub from: AccountId,
    /// The receiving account.
    pub to: AccountId,
    /// The most that is moved.
    pub most: Most,
    /// The account that gives what is missing. With [`Floor::Zero`] it must have it, or the collection is refused.
    pub shortfall: Option<AccountId>,
    /// Opaque to the ledger, kept with the entry.
    pub memo: &'a [u8],
}

/// Changes a limit: an account with [`Floor::Zero`] whose contra account no other account has. That contra account counts
/// what was spent. Its id is its idempotency key, and may be any 128 bits but zero.
#[derive(Debug, Clone, Copy)]
pub struct ChangeLimit<'a> {
    /// The change.
    pub id: EntryId,
    /// The limit.
    pub limit: AccountId,
    /// What becomes of it.
    pub change: LimitChange,
    /// Opaque to the ledger, kept with the entry.
    pub memo: &'a [u8],
}

/// What becomes of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitChange {
    /// It is this amount from now on, of which what was spent is gone. That may be more than the amount, or than the amount
    /// less the open holds: then nothing can be held until it is raised or begins anew, and open holds are honoured.
    Amount {
        /// The amount.
        amount: NanoUsd,
        /// The account that gives and takes the difference, with [`Floor::None`].
        from: AccountId,
    },
    /// Nothing is spent from now on. What is in open holds counts when it is captured.
    Restart,
}

/// A limit was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitChanged {
    /// Whether the id was seen before; then nothing changed now.
    pub replay: Replay,
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
    /// The payer's available balance.
    pub available: NanoUsd,
    /// Whether the id was seen before.
    pub replay: Replay,
}

/// The outcome of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Captured {
    /// The charge.
    pub charged: NanoUsd,
    /// The part that the payer paid.
    pub collected: NanoUsd,
    /// The payer's available balance.
    pub available: NanoUsd,
    /// Whether the hold had been captured before; then the first capture counts.
    pub replay: Replay,
}

/// The outcome of a void.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voided {
    /// Whether it had been voided before.
    pub replay: Replay,
}

/// The outcome of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transferred {
    /// Whether it had been made before.
    pub replay: Replay,
}

/// The outcome of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collected {
    /// The amount that the giving account gave.
    pub collected: NanoUsd,
    /// Whether it had been made before; then this is what the first one gave.
    pub replay: Replay,
}

/// The expired holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    /// Holds that were not in flight: voided.
    pub voided: Vec<EntryId>,
    /// Holds in flight: still open, for the caller to settle by its policy.
    pub in_flight: Vec<EntryId>,
}

/// The balance of an account: `posted = held + leased + available`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// The sum of its entries.
    pub posted: NanoUsd,
    /// The amount in holds.
    pub held: NanoUsd,
    /// The amount lent to other processes.
    pub leased: NanoUsd,
    /// The amount that can be held or moved.
    pub available: NanoUsd,
}

/// Whether the request of a hold was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not sent: the hold is voided at its expiry.
    Reserved,
    /// Sent: its owner decides at its expiry.
    InFlight,
}

/// An open hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRow {
    /// The hold.
    pub id: EntryId,
    /// The payer.
    pub payer: AccountId,
    /// The limits of the hold.
    pub limits: Vec<AccountId>,
    /// The amount.
    pub amount: NanoUsd,
    /// The expiry.
    pub expires_at: UnixMs,
    /// Whether its request was sent.
    pub phase: Phase,
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A transfer.
    Transfer,
    /// A captured hold.
    Capture,
    /// A voided hold. It has no legs, and keeps its id from being used again.
    Void,
}

/// A row of the ledger. Its legs sum to zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// The hold or transfer of the entry.
    pub id: EntryId,
    /// The kind.
    pub kind: EntryKind,
    /// The time of the decision.
    pub at: UnixMs,
    /// Accounts and their amounts; giving accounts have negative ones.
    pub legs: Vec<(AccountId, NanoUsd)>,
    /// For a capture: the charge, of which the payer's leg may be less.
    pub charged: NanoUsd,
    /// The memo, as given.
    pub memo: Vec<u8>,
}

/// An account and its balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountRow {
    /// The data of its opening.
    pub account: OpenAccount,
    /// The balance.
    pub balance: Balance,
}
