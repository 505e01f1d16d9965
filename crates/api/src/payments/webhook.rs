//! The processor's events.

use super::problem::received;
use crate::answer::Answer;
use crate::errors::{ErrorType, Problem};
use crate::openapi::shapes;
use crate::payment_app::PaymentApp;
use crate::state::App;
use crate::{body, json};
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use opencredits_billing::{Fault, PaymentError};
use opencredits_service::purchases::PurchaseError;
use std::sync::Arc;

/// The header with the signatures.
const SIGNATURE: &str = "stripe-signature";
/// The largest event.
const EVENT_BYTES_MAX: usize = 256 << 10;
/// When the sender should send an event again.
const AGAIN_MS: u64 = 30_000;

/// `POST /webhooks/stripe`: an event. It is answered with success once the books stand as the processor says, or when it is
/// about something that is none of ours.
#[utoipa::path(
    post,
    path = "/webhooks/stripe",
    summary = "An event of the payment processor",
    description = "For the payment processor alone, which signs what it sends.",
    security(("webhook_signature" = [])),
    request_body = shapes::AnyObject,
    responses((status = 200, description = "What was asked for.", body = shapes::Received)),
)]
pub(crate) async fn hear(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Answer {
    let unknown =
        || Problem::new(ErrorType::NotFound, "there is nothing at /webhooks/stripe: no webhook secret is set");
    let payments: &PaymentApp = app.payments.as_deref().ok_or_else(unknown)?;
    if payments.webhook_secrets.is_empty() {
        return Err(unknown());
    }
    let payload = body::read_small(&app, (&headers, body), EVENT_BYTES_MAX).await?;
    let signature = headers.get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match payments.purchases.hear(&payload, signature, &payments.webhook_secrets).await {
        Ok(_) => Ok(json::ok(&received())),
        Err(error) => Err(problem(&error)),
    }
}

fn problem(error: &PurchaseError) -> Problem {
    match error {
        PurchaseError::Payment(refused @ (PaymentError::Signature(_) | PaymentError::UnreadablePayload)) => {
            Problem::new(ErrorType::InvalidRequest, refused.to_string())
        }
        PurchaseError::UnknownOrder { .. } => {
            tracing::error!(%error, "an event names a payment of ours without an order");
            Problem::new(ErrorType::Server, "the order of this payment is unknown; send the event again")
        }
        PurchaseError::Payment(failed) if failed.fault() != Fault::Us => {
            tracing::warn!(%error, "an event cannot be settled now; it will be sent again");
            Problem::new(ErrorType::Unavailable, "the payment cannot be read now; send the event again")
                .retry_after_ms(Some(AGAIN_MS))
        }
        _ => {
            tracing::error!(%error, "an event cannot be settled");
            Problem::new(ErrorType::Server, "the event cannot be settled now; send it again")
        }
    }
}
