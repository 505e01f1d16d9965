//! Everything that OpenCredits stores except the ledger: people, partners, keys, the read model of usage, claims, settings.
//!
//! Small traits, one a concern, so that a use case names what it needs. The `sqlite` feature (default) has
//! [`SqliteStore`], which implements all of them; `postgres` has `PostgresStore`, which several processes may use at once.
//! [`Store`] is all of them in one, for programs that let their operators choose.
//!
//! The `conformance` feature has the suites that every implementation must pass.
//!
//! # What it refuses to do
//! It stores no key, only its SHA-256 digest; no prompt and no answer. It moves no money: the ledger does.
//!
//! # Invariants
//! - A look-up by key takes the digest: a secret never reaches a statement.
//! - Statements have bound parameters only.
//! - Only the store links a person to an account. After its erasure the ledger's accounts belong to nobody.
//!
//! # Example
//! ```
//! use opencredits_store::{SqliteStore, User, Users, Standing};
//! use opencredits_units::{AccountId, UnixMs, UserId};
//! # let dir = tempfile::tempdir().unwrap();
//! # let path = dir.path().join("store.db");
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let store = SqliteStore::open(&path).unwrap();
//! let now = UnixMs::new(1_790_000_000_000);
//! let id = UserId::at(now, [1; 10]);
//! let user = User { id, wallet: AccountId::at(now, [2; 10]), label: "Ada".into(), created_at: now, standing: Standing::Good };
//! store.add_user(&user).await.unwrap();
//! assert_eq!(store.user(id).await.unwrap(), Some(user));
//! # });
//! ```

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod additions;
mod alarms;
mod applications;
mod backlog;
mod bills;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod block;
mod changes;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod columns;
#[cfg(feature = "conformance")]
pub mod conformance;
mod connections;
mod every;
mod identity;
mod jobs;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod kinds;
mod mail;
mod operator;
mod orders;
mod partners;
#[cfg(feature = "postgres")]
mod postgres;
mod prices;
mod privacy;
mod rates;
#[cfg(all(feature = "sqlite", feature = "postgres"))]
mod raw;
mod records;
mod rotations;
mod sealing;
#[cfg(feature = "sqlite")]
mod sqlite;
mod traits;
mod usage;

pub use alarms::{AlarmRow, AlarmStates};
pub use applications::{ApplicationState, PartnerApplication, PartnerApplications, ReferralMonth, Referrals};
pub use backlog::{Backlog, Backlogs};
pub use bills::{BillSource, BilledDay, BilledLine, ProviderBills};
pub use changes::{Change, Changes, Versions};
pub use connections::{
    AgreedGrants, CodeGives, CodeRecord, ConnectedKey, ConnectedKeys, ConsentRecord, DeviceRecord, DeviceRequests,
    DeviceStanding, FamilyRecord, GrantId, GrantKind, TokenGrants,
};
pub use every::Store;
pub use identity::{
    AttemptBuckets, BucketChange, CodeChallenge, CodeChallenges, IdentityDeleted, IdentityEnds, IdentityRetention,
    MailedLinks, PasskeyId, PasskeyKind, PasskeyRecord, PasskeyUse, Passkeys, Role, SessionId, SessionKind,
    SessionRecord, Sessions, SessionsOf, Standings, TermsAcceptance,
};
pub use jobs::{Acquired, JobLease, JobLeases, JobOutcome, JobRecord, JobReport, JobRun, Retention};
pub use mail::{
    LeasedMail, LimitedKey, Mail, MailChoices, MailCounts, MailFailure, MailId, MutedNotice, NewMail, NoticeKind,
    NoticeMark, NoticeSubject, Notices, Outbox, Reachable, UserEmail, UserEmails,
};
pub use operator::OperatorReads;
pub use orders::{
    Booked, Bookings, Cursors, Order, OrderOrigin, OrderPage, OrderState, Orders, Payer, Payers, TopUpState,
};
pub use partners::{CommissionReturn, CommissionReturns, PartnerKeys, PublishableKeyRecord, PublishableKeys};
#[cfg(feature = "postgres")]
pub use postgres::{Databases, PostgresStore};
pub use prices::{PriceBook, PriceBookSummary, PriceBooks};
pub use privacy::{
    AddressRotation, Footprint, Holding, MailTold, Policies, PolicyVersion, PrivacyState, PrivacyStates,
};
pub use rates::{PLACE_LASTS_MS, RATE_WINDOW_MS, RateBucket, RateLease, RateUnit, SharedRates};
#[cfg(all(feature = "sqlite", feature = "postgres"))]
pub use raw::{RawKey, RawRow, RawStore, RawTable};
pub use records::{
    AuditRecord, Key, LimitOwner, LimitReset, ManagementKeyRecord, OwnedLimit, Partner, PartnerKeyRecord, Rates,
    SecretKeyRecord, SpendingLimit, Standing, User,
};
pub use rotations::{KeyRotation, KeyRotations, RetiredSecret};
pub use sealing::{AddressKeeping, AddressKeyUse, KeyUse, Resealed, Sealing};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteStore, StoreCopy};
pub use traits::{
    AuditLog, Claim, Claims, EngineError, Keys, ManagementKeys, Partners, Settings, SpendingLimits, StoreError, Users,
};
pub use usage::{
    AccountTransfer, Days, IndexedRequest, RequestMark, UsageBy, UsageChange, UsageFilter, UsageGroup, UsageModel,
    UsageOf, UsageOrder, UsageQuery, UsageSums, UsedRequest, VendorCost,
};
