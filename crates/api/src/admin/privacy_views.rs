//! Requests of an operator about people's data, and their replies.

use super::amount_view::AmountView;
use opencredits_service::privacy::PrivacyReport;
use opencredits_store::{Footprint, Holding, PolicyVersion, PrivacyState};
use opencredits_units::{UnixMs, UserId};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A request about people's data. It names a person by id or by label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "privacy_do", rename_all = "snake_case")]
pub enum PrivacyRequest {
    /// What is held, and how old it is.
    Report,
    /// What a deletion takes from a person.
    PreviewDeletion {
        /// The person.
        user: String,
    },
    /// Deletes an account, at once or after its grace period.
    Delete {
        /// The person.
        user: String,
        /// Whether at once.
        now: bool,
    },
    /// Calls a deletion off.
    Keep {
        /// The person.
        user: String,
    },
    /// Writes everything about a person into a new file.
    Export {
        /// The person.
        user: String,
        /// The file, as the gateway sees it: an absolute path.
        to: PathBuf,
    },
    /// Restricts what is done with a person's data to storing it, or lifts that.
    Restrict {
        /// The person.
        user: String,
        /// Whether it is restricted.
        on: bool,
    },
    /// Ends notices other than required ones, or lets them come again.
    Object {
        /// The person.
        user: String,
        /// Whether they are ended.
        on: bool,
    },
    /// Publishes a version of the policy.
    Publish {
        /// The version.
        version: String,
        /// From when on it holds.
        effective_at_ms: UnixMs,
        /// What changes.
        summary: String,
    },
    /// Lists the versions of the policy.
    Policies,
}

/// A reply about people's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "privacy", rename_all = "snake_case")]
pub enum PrivacyReply {
    /// What is held.
    Report {
        /// By kind.
        holdings: Vec<HoldingView>,
        /// The keys of addresses.
        address_keys: Vec<AddressKeyView>,
    },
    /// What a deletion would take.
    DeletionPreviewed {
        /// What it is.
        preview: DeletionPreviewView,
    },
    /// A deletion is scheduled.
    DeletionScheduled {
        /// The person.
        user: UserId,
        /// When the account is deleted.
        due_at_ms: UnixMs,
    },
    /// An account is deleted.
    Deleted {
        /// The opaque id under which books stay.
        user: UserId,
    },
    /// A deletion is called off.
    Kept {
        /// The person.
        user: UserId,
    },
    /// Everything about a person is in a file.
    Exported {
        /// The person.
        user: UserId,
        /// The file.
        to: PathBuf,
        /// Its length.
        bytes: u64,
    },
    /// What a person has asked for.
    State {
        /// The person.
        user: UserId,
        /// Since when nothing is done with their data but to store it.
        restricted_at_ms: Option<UnixMs>,
        /// Since when they get no notices other than required ones.
        objected_at_ms: Option<UnixMs>,
    },
    /// Versions of the policy.
    Policies {
        /// By their publication.
        policies: Vec<PolicyView>,
    },
}

/// The rows of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldingView {
    /// The kind.
    pub kind: String,
    /// The number of rows.
    pub rows: u64,
    /// The time of the oldest.
    pub oldest_ms: Option<UnixMs>,
    /// The setting that bounds their age.
    pub setting: Option<String>,
    /// How long they are kept where no setting says so.
    pub kept: String,
}

impl From<Holding> for HoldingView {
    fn from(of: Holding) -> Self {
        let (kind, kept) = (of.kind.to_owned(), of.kept.to_owned());
        Self { kind, rows: of.rows, oldest_ms: of.oldest, setting: of.setting.map(str::to_owned), kept }
    }
}

/// A key of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressKeyView {
    /// Its id.
    pub key: String,
    /// The addresses that it has encrypted.
    pub addresses: u64,
    /// Whether it is set.
    pub is_set: bool,
    /// Whether it encrypts.
    pub is_newest: bool,
}

impl From<PrivacyReport> for PrivacyReply {
    fn from(report: PrivacyReport) -> Self {
        let keys = report.keys.into_iter().map(|one| AddressKeyView {
            key: one.key.to_string(),
            addresses: one.addresses,
            is_set: one.is_set,
            is_newest: one.is_newest,
        });
        Self::Report { holdings: report.holdings.into_iter().map(Into::into).collect(), address_keys: keys.collect() }
    }
}

/// What a deletion takes from a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionPreviewView {
    /// The person.
    pub user: UserId,
    /// Their label.
    pub label: String,
    /// When the account would be deleted, without `--now`.
    pub due_at_ms: UnixMs,
    /// Whether a deletion is under way.
    pub is_scheduled: bool,
    /// Whether the account was deleted.
    pub is_deleted: bool,
    /// The balance, which nobody can spend afterwards.
    pub balance: AmountView,
    /// What the person owes; it stays in the books.
    pub debt: AmountView,
    /// Whether there is an address.
    pub has_address: bool,
    /// Keys in force.
    pub keys: u64,
    /// Management keys in force.
    pub management_keys: u64,
    /// Orders, which stay.
    pub orders: u64,
    /// Orders whose pages are ended.
    pub open_orders: u64,
    /// Partners that the person runs.
    pub partners: u64,
}

impl DeletionPreviewView {
    /// The counts of a footprint, into the rest of a view.
    pub(super) fn with(self, footprint: Footprint, state: PrivacyState) -> Self {
        Self {
            is_scheduled: state.deletion_due_at.is_some(),
            is_deleted: state.erased_at.is_some(),
            has_address: footprint.has_address,
            keys: footprint.keys,
            management_keys: footprint.management_keys,
            orders: footprint.orders,
            open_orders: footprint.open_orders,
            partners: footprint.partners,
            ..self
        }
    }
}

/// A version of the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    /// The version.
    pub version: String,
    /// From when on it holds.
    pub effective_at_ms: UnixMs,
    /// What changes.
    pub summary: String,
    /// When it was published.
    pub published_at_ms: UnixMs,
    /// How many people were told.
    pub told: u64,
    /// When all were told.
    pub told_at_ms: Option<UnixMs>,
}

impl From<PolicyVersion> for PolicyView {
    fn from(of: PolicyVersion) -> Self {
        Self {
            version: of.version,
            effective_at_ms: of.effective_at,
            summary: of.summary,
            published_at_ms: of.published_at,
            told: of.told,
            told_at_ms: of.told_at,
        }
    }
}
