//! What an operator can ask for.

use opencredits_units::{AccountId, BasisPoints, EntryId, KeyId, NanoUsd, PartnerId, UnixMs, UserId};
use serde::{Deserialize, Serialize};

/// Rows that a list gives at once.
pub const LIST_MAX: u32 = 1_000;

/// An amount as an operator writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// A decimal number of credits, at the gateway's price of one.
    Credits(String),
    /// Dollars.
    Usd(NanoUsd),
}

/// What an operator can ask for. A user or partner is named by its id or by its label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum AdminRequest {
    /// Adds a person.
    AddUser {
        /// The id, for who wants to repeat the request.
        id: Option<UserId>,
        /// What to call them.
        label: String,
    },
    /// Lists people.
    ListUsers {
        /// Those after this one.
        after: Option<UserId>,
        /// How many at most.
        max: u32,
    },
    /// Makes a key; its secret is in the reply, once.
    AddKey {
        /// Whose.
        user: String,
        /// Through whom.
        partner: Option<String>,
        /// What to call it.
        name: String,
        /// How much it may spend.
        limit: Option<Amount>,
        /// When it ends.
        expires_at_ms: Option<UnixMs>,
        /// Models that it may use.
        models: Option<Vec<String>>,
    },
    /// Lists a person's keys.
    ListKeys {
        /// Whose.
        user: String,
    },
    /// Revokes a key.
    RevokeKey {
        /// Which.
        id: KeyId,
    },
    /// Adds a partner.
    AddPartner {
        /// Its name.
        name: String,
        /// Its share of the markup; the config's where there is none.
        share_bps: Option<BasisPoints>,
    },
    /// Lists partners.
    ListPartners {
        /// Those after this one.
        after: Option<PartnerId>,
        /// How many at most.
        max: u32,
    },
    /// Gives credits that nobody paid for.
    GrantCredits {
        /// To whom.
        user: String,
        /// How much.
        amount: Amount,
        /// The entry, under which a repetition gives nothing more.
        id: Option<EntryId>,
        /// Why.
        reason: String,
    },
    /// What a person has.
    Balance {
        /// Who.
        user: String,
    },
    /// Lists entries of the ledger.
    LedgerEntries {
        /// Those of this person's wallet.
        user: Option<String>,
        /// Those of this account.
        account: Option<AccountId>,
        /// Those after this one.
        after: Option<EntryId>,
        /// How many at most.
        max: u32,
    },
    /// Lists open holds.
    LedgerHolds {},
    /// Recomputes the books.
    LedgerVerify {},
}
