//! The operator's pages. They are lists of facts, figures and tables, so that one template writes all of them; what there is
//! to see is put together where the figures are.

mod act;
mod cell;
mod page;
mod preview;
mod section;

pub use act::{Act, Field};
pub use cell::{Cell, Order, Tone};
pub use page::{Back, OperatorPage, Remark};
pub use preview::Preview;
pub use section::{Column, Fact, Figure, Hour, Row, Section, Table};
