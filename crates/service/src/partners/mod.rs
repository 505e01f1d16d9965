//! Partners' money: commission that follows purchases back, what has matured, what may be seen of people's usage.
//!
//! Commission accrues in the entry of the charge, on what was collected. It is taken back when the credits that paid for
//! the charge are taken back. What the earnings do not have any more becomes the partner's debt, which later commission
//! settles first.

mod audience;
mod earned;
mod earnings;
mod referrals;
mod registered;
mod returns;

pub use audience::{Audience, PEOPLE_MIN, audiences};
pub use earned::{Commissions, EarnedOn};
pub use earnings::{Earnings, PartnerTerms, PayoutEntry, Statement, last_matured_day, month_of_text, month_text};
pub use opencredits_identity::oauth::{origin_problem, redirect_problem};
pub use referrals::{ReferralGroup, referral_groups};
pub use registered::{allows_origin, allows_redirect};
pub(crate) use returns::settle_debt;
pub use returns::{CommissionBooks, SpendingChange, SpentCredits, debt_of_partner};
