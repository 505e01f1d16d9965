//! The views: one file each. Each has `samples()`, which tests render.

mod checkout;
mod consent;
pub mod dashboard;
mod docs;
mod landing;
mod llms;
mod model;
mod models;
mod notice;
pub mod operator;
pub mod partner;
mod policy;
mod shell;
mod sign_in;
mod unsubscribe;

pub use checkout::{Checkout, CheckoutEnd};
pub use consent::{Consent, ConsentApp, ConsentKind};
pub use docs::{DocPage, DocsIndex};
pub use landing::{BillRow, Landing, SampleBill};
pub use llms::Llms;
pub use model::{ModelPage, PriceRow, RouteRow, ThresholdRow};
pub use models::{Column, ModelRow, Models, Query};
pub use notice::Notice;
pub use policy::{PolicyKind, PolicyPage};
pub use shell::Shell;
pub use sign_in::{KeepAccount, SignIn, SignInLink};
pub use unsubscribe::{Unsubscribe, UnsubscribeStep};
