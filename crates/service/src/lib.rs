//! The use cases of OpenCredits, without HTTP and without SQL.

mod ports;

pub use ports::{Clock, Entropy, fresh_id};
