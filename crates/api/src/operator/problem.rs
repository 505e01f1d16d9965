//! Refusals of the admin interface as errors of HTTP.

use crate::admin::{Refusal, RefusalCode};
use crate::errors::{ErrorType, Problem};

/// The error of a refusal.
pub(crate) fn problem(refusal: Refusal) -> Problem {
    let kind = match refusal.code {
        RefusalCode::Invalid => ErrorType::InvalidRequest,
        RefusalCode::NotFound => ErrorType::NotFound,
        RefusalCode::Conflict => ErrorType::DuplicateRequest,
        RefusalCode::Failed => ErrorType::Server,
    };
    Problem::new(kind, refusal.refused)
}
