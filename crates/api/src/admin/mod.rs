//! The operator's side door: one endpoint on a Unix socket in the data folder.
//!
//! `POST /admin` takes an [`AdminRequest`] as JSON and answers an [`AdminReply`] or a [`Refusal`]. The socket's file
//! permissions are its lock: who may open the file may do everything here. The admin tool calls [`Admin::answer`]
//! itself where no gateway runs, so that both ways are one.
//!
//! ```
//! use opencredits_api::admin::AdminRequest;
//! let text = r#"{"do": "balance", "user": "Ada"}"#;
//! let request: AdminRequest = serde_json::from_str(text).unwrap();
//! assert_eq!(request, AdminRequest::Balance { user: "Ada".to_owned() });
//! ```

mod answer;
mod reply;
mod request;
mod socket;
mod views;

pub use answer::Admin;
pub use reply::{AdminReply, Refusal, RefusalCode};
pub use request::{AdminRequest, Amount, LIST_MAX};
pub use socket::{AdminSocket, SOCKET_FILE, SocketError, admin_router};
pub use views::{
    AmountView, BalanceView, EntryView, HoldView, KeyView, LegView, LimitView, LineView,
    PartnerView, UsageView, UserView,
};
