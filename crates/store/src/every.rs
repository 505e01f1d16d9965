//! All traits in one, for programs whose operators choose the engine.

use crate::alarms::AlarmStates;
use crate::applications::{PartnerApplications, Referrals};
use crate::backlog::Backlogs;
use crate::bills::ProviderBills;
use crate::changes::Changes;
use crate::connections::{AgreedGrants, ConnectedKeys, DeviceRequests, TokenGrants};
use crate::identity::{AttemptBuckets, CodeChallenges, IdentityRetention, MailedLinks, Passkeys, Sessions, Standings};
use crate::jobs::{JobLeases, Retention};
use crate::mail::{MailChoices, Notices, Outbox, UserEmails};
use crate::operator::OperatorReads;
use crate::orders::{Cursors, Orders, Payers};
use crate::partners::{CommissionReturns, PartnerKeys, PublishableKeys};
#[cfg(feature = "postgres")]
use crate::postgres::PostgresStore;
use crate::prices::PriceBooks;
use crate::privacy::{AddressRotation, Policies, PrivacyStates};
use crate::rates::SharedRates;
use crate::rotations::KeyRotations;
#[cfg(feature = "sqlite")]
use crate::sqlite::SqliteStore;
use crate::traits::{AuditLog, Claims, Keys, ManagementKeys, Partners, Settings, SpendingLimits, Users};
use crate::usage::UsageModel;
use std::sync::Arc;

/// Implements `Store` for whatever implements all of these.
macro_rules! store {
    ($($of:ident),* $(,)?) => {
        /// Every trait of this crate: one handle for programs that let their operators choose the engine. Whoever needs one of them gets
        /// it of the same handle: `Arc<dyn Store>` coerces into `Arc<dyn Users>` and the like.
        ///
        /// ```
        /// use opencredits_store::{SqliteStore, Store, Users};
        /// use std::sync::Arc;
        /// # let dir = tempfile::tempdir().unwrap();
        /// # let path = dir.path().join("store.db");
        /// let store: Arc<dyn Store> = SqliteStore::open(&path).unwrap().into();
        /// let people: Arc<dyn Users> = store.clone();
        /// ```
        pub trait Store: $($of +)* Send + Sync + 'static {}

        impl<T: $($of +)* Send + Sync + 'static> Store for T {}
    };
}

store! {
    AddressRotation,
    AgreedGrants,
    AlarmStates,
    AttemptBuckets,
    AuditLog,
    Backlogs,
    Changes,
    Claims,
    CodeChallenges,
    CommissionReturns,
    ConnectedKeys,
    Cursors,
    DeviceRequests,
    IdentityRetention,
    JobLeases,
    KeyRotations,
    Keys,
    MailChoices,
    MailedLinks,
    ManagementKeys,
    Notices,
    OperatorReads,
    Orders,
    Outbox,
    PartnerApplications,
    PartnerKeys,
    Partners,
    Passkeys,
    Payers,
    Policies,
    PriceBooks,
    PrivacyStates,
    ProviderBills,
    PublishableKeys,
    Referrals,
    Retention,
    Sessions,
    Settings,
    SharedRates,
    SpendingLimits,
    Standings,
    TokenGrants,
    UsageModel,
    UserEmails,
    Users,
}

#[cfg(feature = "sqlite")]
impl From<SqliteStore> for Arc<dyn Store> {
    fn from(store: SqliteStore) -> Self {
        Arc::new(store)
    }
}

#[cfg(feature = "postgres")]
impl From<PostgresStore> for Arc<dyn Store> {
    fn from(store: PostgresStore) -> Self {
        Arc::new(store)
    }
}
