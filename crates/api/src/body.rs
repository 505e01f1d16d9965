//! Reads request bodies.

use crate::errors::{ErrorType, Problem};
use crate::state::App;
use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Reads a body of at most `limit` bytes, within the time limit of bodies.
pub(crate) async fn read(app: &App, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let collected = tokio::time::timeout(app.settings.body_read, Limited::new(body, limit).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let message = format!("the body is larger than {limit} bytes; make it shorter");
            Err(Problem::new(ErrorType::PayloadTooLarge, message))
        }
        Ok(Err(_)) => Err(Problem::new(ErrorType::InvalidRequest, "the body broke off; send it again")),
        Err(_) => Err(Problem::new(ErrorType::ClientTimeout, "the body took too long to arrive; send it again")),
    }
}
