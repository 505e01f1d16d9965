//! Webhooks about mails that came back.

use crate::errors::{ErrorType, Problem};
use axum::extract::{Request, State};
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Limited};
use opencredits_email::Signed;
use opencredits_service::mail::{Bounces, MailFault};
use std::sync::Arc;
use std::time::Duration;

/// Where the provider of mails sends its webhooks.
pub(crate) const BOUNCES_PATH: &str = "/webhooks/resend";
/// The largest webhook, in bytes.
const BODY_BYTES_MAX: usize = 64 << 10;
/// The time in which a webhook must arrive.
const BODY_READ: Duration = Duration::from_secs(10);

/// Takes a webhook about mails that came back. One that is not ours is refused before anything in it is believed.
pub(crate) async fn bounces(State(bounces): State<Arc<Bounces>>, request: Request) -> Result<StatusCode, Problem> {
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(BODY_READ, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    let late = || Problem::new(ErrorType::ClientTimeout, "the webhook took too long to arrive; send it again");
    let broken = |_| Problem::new(ErrorType::PayloadTooLarge, "the webhook is larger than 65536 bytes, or broke off");
    let body = read.map_err(|_| late())?.map_err(broken)?.to_bytes();
    let signed = Signed {
        id: text(&head.headers, "svix-id"),
        timestamp: text(&head.headers, "svix-timestamp"),
        signature: text(&head.headers, "svix-signature"),
        body: &body,
    };
    match bounces.take(&signed).await {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(MailFault::Mail(error)) => Err(Problem::new(ErrorType::InvalidRequest, error.to_string())),
        Err(error) => {
            tracing::error!(%error, "cannot take a webhook about mails that came back");
            Err(Problem::new(ErrorType::Server, "the webhook could not be taken; send it again"))
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
