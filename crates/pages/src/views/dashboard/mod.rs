//! The pages of a person's dashboard.

mod account;
mod activity;
mod apps;
mod bill;
mod choices;
mod keys;
mod overview;
mod playground;
mod request_row;
mod requests;
pub(super) mod samples;
mod top_up;
mod transactions;

pub use account::{Account, Leaving, Notices, Passkey, Rights, SignedInBrowser};
pub use activity::{Activity, Breakdown, BreakdownRow, CacheFigures, FirstToken, Headline};
pub use apps::{AppRow, Apps};
pub use bill::{Attempt, BillLine, BookedLeg, RequestBill, SideLines};
pub use choices::{Choice, Filter, Filters, Grouping, Range, SortHead, Sorting};
pub use keys::{KeyForm, KeyPage, KeyRow, Keys, LimitLeft};
pub use overview::{NearLimit, Overview};
pub use playground::{PlayModel, Playground};
pub use request_row::{Named, RequestRow};
pub use requests::Requests;
pub use top_up::{Buys, CurrencyChoice, Offered, OrderSeen, Quote, QuoteError, Rule, TopUp};
pub use transactions::{MoneyRow, OrderRow, Transactions};
