//! The admin interface: one endpoint on a Unix socket in the data folder.
//!
//! `POST /admin` takes an [`AdminRequest`] as JSON and answers an [`AdminReply`] or a [`Refusal`]. The permissions of
//! the socket file are its access control: a process that can open it may do everything here. Where no gateway runs,
//! the admin tool calls [`Admin::answer`] itself, so that both ways run the same code.
//!
//! ```
//! use opencredits_api::admin::{AdminRequest, OfUser};
//! let text = r#"{"do": "balance", "user": "Ada"}"#;
//! let request: AdminRequest = serde_json::from_str(text).unwrap();
//! assert_eq!(request, AdminRequest::Balance(OfUser { user: "Ada".to_owned() }));
//! ```

mod answer;
mod answer_reads;
mod backup;
mod reads;
mod reply;
mod request;
mod socket;
#[cfg(test)]
mod tests;
mod views;

pub use answer::Admin;
pub use reads::{
    BillView, CheckBills, OfGeneration, ReportBalances, SheetLineView, ShowUsage, UsageGroupBy, UsageGroupView,
    UsageSumsView,
};
pub use reply::{AdminReply, Refusal, RefusalCode};
pub use request::{
    AddKey, AddPartner, AddUser, AdminRequest, Amount, BackUp, EntriesOf, GrantCredits, LIST_MAX, LedgerEntries,
    ListPartners, ListUsers, OfUser, RevokeKey, VerifyHead,
};
pub use socket::{AdminSocket, SOCKET_FILE, SocketError, admin_router};
pub use views::{
    AmountView, BackupView, BalanceView, ChainView, EntryView, HoldView, KeyView, LegView, LimitView, LineView,
    PartnerView, UsageView, UserView,
};
