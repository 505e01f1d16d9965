//! The pages of the partner portal.

mod guide;
mod head;
mod keys;
mod overview;
mod statements;

pub use guide::{PartnerGuide, Preview};
pub use head::PartnerHead;
pub use keys::{PartnerKeys, PublishableRow, SecretRow, TestAccess};
pub use overview::{ApplicationRow, Earned, ModelUsage, PartnerOverview, PartnerTermsShown, ReferralRow};
pub use statements::{MonthRow, PartnerStatements, PayoutRow};
