//! The use cases of OpenCredits, without HTTP and without SQL.

pub mod config;
mod ports;
mod record;

pub use ports::{Clock, Entropy, fresh_id};
pub use record::{
    Counted, GenerationRecord, Line, RecordError, SideBill, UsageSource, name_of_peer,
};
