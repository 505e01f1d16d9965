//! What the process measures of itself: families of metrics, and the state that is read at a scrape.
//!
//! Series are recorded through the crate `metrics`; the binary installs what exposes them. Requests record by handles
//! that are resolved once ([`Family::counter_of`]); values of now are read when somebody asks ([`StateReader`]).
//!
//! Labels have bounded values: models and vendors of the catalogue, names from lists in the code. No key, person or
//! address is one.

mod commits;
pub mod families;
mod family;
mod sample;
mod state;
mod tally;
#[cfg(test)]
mod tests;

pub(crate) use commits::CommitTimes;
pub use family::{Family, Kind};
pub use sample::Samples;
pub(crate) use sample::{float, seconds};
pub use state::{ModeParts, StateParts, StateReader};
pub(crate) use tally::Tally;
pub use tally::{Counts, Part};

/// Tells the recorder what each family says.
pub fn describe_all() {
    families::ALL.iter().for_each(|family| family.describe());
}
