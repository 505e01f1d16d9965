//! The views: one file each. Each has `samples()`, which tests render.

pub mod dashboard;
mod consent;
mod notice;
mod shell;

pub use consent::{Consent, ConsentApp, ConsentKind};
pub use notice::Notice;
pub use shell::Shell;
