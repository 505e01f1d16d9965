//! Everything about a person, in the form that operators read.

use super::amount_view::AmountView;
use super::limit_views::{LimitView, ManagementKeyView};
use super::views::{BalanceView, HoldView, KeyView, UserView};
use opencredits_units::{PartnerId, UnixMs};
use serde::{Deserialize, Serialize};

/// An app that issued keys to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapView {
    /// The partner.
    pub partner: PartnerId,
    /// Its name.
    pub name: String,
    /// What it may spend at this person; only the keys' own limits hold where there is none.
    pub limit: Option<LimitView>,
}

/// Everything about a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDetailView {
    /// The person.
    pub user: UserView,
    /// The balance.
    pub balance: BalanceView,
    /// What the person owes, after credits were taken back that they had spent.
    pub debt: AmountView,
    /// Open holds of running requests; the first hundred.
    pub holds: Vec<HoldView>,
    /// The number of open holds.
    pub holds_total: usize,
    /// What the person may spend, over all keys.
    pub limit: Option<LimitView>,
    /// The apps that issued keys to the person.
    pub partners: Vec<CapView>,
    /// The keys, revoked ones too.
    pub keys: Vec<KeyView>,
    /// The management keys, revoked ones too.
    pub management: Vec<ManagementKeyView>,
    /// The address, where it was asked for and there is one.
    pub address: Option<String>,
    /// Since when it takes no mail.
    pub bounced_at_ms: Option<UnixMs>,
}
