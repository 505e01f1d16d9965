//! What an operator is told.

use super::views::{AmountView, BalanceView, EntryView, HoldView, KeyView, PartnerView, UserView};
use http::StatusCode;
use opencredits_units::{EntryId, PartnerId, UserId};
use serde::{Deserialize, Serialize};

/// What an operator is told. As JSON this is also what the admin tool prints with `--json`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AdminReply {
    /// A person was added.
    UserAdded {
        /// The person.
        user: UserView,
    },
    /// People.
    Users {
        /// Some.
        users: Vec<UserView>,
        /// PriceRequest for those after this one; none where these were the last.
        next: Option<UserId>,
    },
    /// A key was made.
    KeyAdded {
        /// The secret. It is shown here and never again.
        key: String,
        /// The rest.
        record: KeyView,
    },
    /// A person's keys.
    Keys {
        /// All of them.
        keys: Vec<KeyView>,
    },
    /// A key is revoked.
    KeyRevoked {
        /// The key.
        record: KeyView,
    },
    /// A partner was added.
    PartnerAdded {
        /// The partner.
        partner: PartnerView,
    },
    /// Partners.
    Partners {
        /// Some.
        partners: Vec<PartnerView>,
        /// PriceRequest for those after this one; none where these were the last.
        next: Option<PartnerId>,
    },
    /// Credits were given, and are on disk.
    CreditsGranted {
        /// The entry.
        id: EntryId,
        /// Whether they had been given before under this id; then nothing more was given.
        replayed: bool,
        /// How much.
        amount: AmountView,
        /// What the person has now.
        balance: BalanceView,
    },
    /// What a person has.
    Balance {
        /// Who, and how much.
        balance: BalanceView,
    },
    /// Entries of the ledger.
    Entries {
        /// Some.
        entries: Vec<EntryView>,
        /// PriceRequest for those after this one; none where these were the last.
        next: Option<EntryId>,
    },
    /// Open holds.
    Holds {
        /// The first thousand.
        holds: Vec<HoldView>,
        /// How many there are.
        total: usize,
    },
    /// Whether the books add up.
    Verified {
        /// They do.
        clean: bool,
        /// Accounts that were checked.
        accounts: u64,
        /// Entries that were checked.
        entries: u64,
        /// Open holds that were checked.
        holds: u64,
        /// What does not add up, the first thousand.
        findings: Vec<String>,
        /// How much does not add up.
        findings_total: u64,
    },
}

/// Shows which reply it is and no more: one of them carries a secret.
impl std::fmt::Debug for AdminReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminReply(…)")
    }
}

/// What kind of refusal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalCode {
    /// The request makes no sense.
    Invalid,
    /// What it names is not there.
    NotFound,
    /// What it would add is there, or its id was used for something else.
    Conflict,
    /// Our side failed; the words say whether to try again.
    Failed,
}

impl RefusalCode {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Why nothing was done, in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{refused}")]
pub struct Refusal {
    /// What kind.
    pub code: RefusalCode,
    /// What is wrong and what to do.
    pub refused: String,
}

impl Refusal {
    pub(super) fn invalid(refused: impl Into<String>) -> Self {
        Self { code: RefusalCode::Invalid, refused: refused.into() }
    }
}
