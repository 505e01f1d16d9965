//! The commands that show the running gateway at work.

use crate::client::Place;
use crate::error::AdminError;
use crate::tail::{TailArguments, tail};
use crate::top::{TopArguments, top};
use opencredits_service::Clock;

/// What to show.
#[derive(Clone)]
pub(crate) enum Live {
    /// Finished requests, one by one.
    Tail(TailArguments),
    /// Sums of the last minute.
    Top(TopArguments),
}

impl Live {
    /// Shows it until somebody ends it.
    pub(crate) async fn show(&self, place: &Place, is_json: bool, clock: &dyn Clock) -> Result<(), AdminError> {
        match self {
            Self::Tail(which) => tail(place, which, is_json).await,
            Self::Top(how) => top(place, how, is_json, clock).await,
        }
    }
}
