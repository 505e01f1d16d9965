//! The views: one file each. Each has `samples()`, which tests render.

mod notice;
mod shell;

pub use notice::Notice;
pub use shell::Shell;
