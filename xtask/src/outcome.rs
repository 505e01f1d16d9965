//! The result of a task.

/// The result of a task. An error is shown to the caller in one line.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
