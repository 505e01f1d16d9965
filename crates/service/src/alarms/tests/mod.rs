//! Alarms from readings to what is told, and that all places that list them say the same.

mod lists;
mod page;
mod raised;
mod states;
mod told;
