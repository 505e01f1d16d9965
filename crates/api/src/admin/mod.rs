//! The admin interface: one endpoint on a Unix socket in the data folder.
//!
//! `POST /admin` takes an [`AdminRequest`] as JSON and answers an [`AdminReply`] or a [`Refusal`]. The permissions of
//! the socket file are its access control: a process that can open it may do everything here. `POST /follow` streams the
//! access log ([`FollowRequest`]). Where no gateway runs, the admin tool calls [`Admin::answer`] itself, so that both ways run the same code.
//!
//! ```
//! use opencredits_api::admin::{AdminRequest, OfUser};
//! let text = r#"{"do": "balance", "user": "Ada"}"#;
//! let request: AdminRequest = serde_json::from_str(text).unwrap();
//! assert_eq!(request, AdminRequest::Balance(OfUser { user: "Ada".to_owned() }));
//! ```

mod alarm_views;
mod alarms;
mod amount_view;
mod answer;
mod answer_limits;
mod answer_reads;
mod application_views;
mod applications;
mod backup;
mod config_reload;
mod follow;
mod identity;
mod identity_views;
mod job_views;
mod jobs;
mod limit_views;
mod order_views;
mod orders;
mod partner_views;
mod partners;
mod price_views;
mod prices;
mod privacy;
mod privacy_views;
mod progress;
mod provider_views;
mod providers;
mod publishable;
mod publishable_views;
mod reads;
mod reload;
mod reload_view;
mod reply;
mod request;
mod socket;
#[cfg(test)]
mod tests;
mod user_views;
mod users;
mod values;
mod views;
mod watch;

pub use alarm_views::{AlarmRequest, AlarmTestView, AlarmView};
pub use amount_view::AmountView;
pub use answer::Admin;
pub use application_views::{ApplicationRequest, ApplicationView, ReferralView, TestKeyView};
pub use config_reload::ConfigReload;
pub use follow::{FOLLOW_PATH, FollowLine, FollowRequest};
pub use identity_views::{IdentityRequest, RoleName, SessionView};
pub use job_views::{JobRequest, JobRunView, JobView};
pub use limit_views::{ChangeView, LimitView, ManagementKeyView, RetiringSecretView};
pub use order_views::{NamedView, OrderRequest, OrderView, ReconcileView, UnmovedView};
pub use partner_views::{EarningsView, PartnerKeyView, PartnerRequest, StatementView};
pub use price_views::{
    FactView, FindingView, PriceBookView, PriceChangeView, PriceRequest, RefreshOutcomeView, RefreshView, RouteView,
};
pub use privacy_views::{AddressKeyView, DeletionPreviewView, HoldingView, PolicyView, PrivacyReply, PrivacyRequest};
pub use progress::{StageView, WATCH_HEADER};
pub use provider_views::{
    DaySpan, DifferenceView, DriftView, ImportedDayView, NotBilledView, ProviderReportView, ProviderRequest,
    VendorFailureView, VendorTotalView,
};
pub use publishable_views::{PublishableKeyChange, PublishableKeyRequest, PublishableKeyView};
pub use reads::{
    BillView, CheckBills, CurrencyLineView, CurrencySheetView, OfGeneration, ReportBalances, SheetLineView, ShowUsage,
    UsageGroupBy, UsageGroupView, UsageSumsView,
};
pub use reload_view::{ReloadRequest, ReloadView};
pub use reply::{AdminReply, Refusal, RefusalCode};
pub use request::{
    AddKey, AddManagementKey, AddPartner, AddUser, AdminRequest, BackUp, CorrectCredits, CorrectionWay, EditKey,
    EmailChange, EmailOfUser, EntriesOf, GrantCredits, LIST_MAX, LedgerEntries, ListChanges, ListPartners, ListUsers,
    OfUser, RateChange, RenameUser, Reset, RevokeKey, RotateKey, SetLimit, SetStanding, ShowUser, VerifyHead,
};
pub use socket::{AdminSocket, SOCKET_FILE, SocketError, admin_router};
pub use user_views::{CapView, UserDetailView};
pub use values::{Amount, Change};
pub use views::{
    BackupView, BalanceView, ChainView, EntryView, HoldView, KeyView, LegView, LineView, PartnerView, UsageView,
    UserView,
};
