//! A payment as it stands: page, intent, charge, refunds, disputes, warnings and movements of money in one reading.

use super::client::{Call, Client, Params, unexpected};
use super::lists::all;
use super::{convert, wire};
use crate::error::PaymentError;
use crate::ids::{OrderRef, PaymentId, SessionId};
use crate::metadata;
use crate::requests::PaymentRef;
use crate::state::{PaymentState, Progress};
use futures_util::future::try_join3;

const READ: &str = "read a payment";
/// Payments of one order that a search gives.
const SEARCH_MAX: &str = "20";

/// Reads it by whatever names it.
pub(super) async fn payment(client: &Client, reference: &PaymentRef) -> Result<PaymentState, PaymentError> {
    match reference {
        PaymentRef::Session(session) => by_session(client, session).await,
        PaymentRef::Payment(payment) => by_intent(client, payment.as_str()).await,
        PaymentRef::Charge(charge) => by_charge(client, charge.as_str()).await,
        PaymentRef::Refund(refund) => by_part(client, "/v1/refunds", refund.as_str()).await,
        PaymentRef::Dispute(dispute) => by_part(client, "/v1/disputes", dispute.as_str()).await,
        PaymentRef::Warning(warning) => by_part(client, "/v1/radar/early_fraud_warnings", warning.as_str()).await,
        PaymentRef::Order(order) => by_order(client, order).await,
    }
}

async fn by_session(client: &Client, session: &SessionId) -> Result<PaymentState, PaymentError> {
    let path = format!("/v1/checkout/sessions/{session}");
    let params = expand_charge("payment_intent.latest_charge");
    let session: wire::Session = client.get(Call::on(READ, path, session.as_str(), params)).await?;
    let mut state = of_session(&session)?;
    match &session.payment_intent {
        None => Ok(state),
        Some(wire::Linked::Id(_)) => Err(unexpected(READ, "payment intent")),
        Some(wire::Linked::Object(intent)) => {
            let page = Page::of(&session);
            add_intent(client, &mut state, intent, Some(page)).await?;
            Ok(state)
        }
    }
}

async fn by_intent(client: &Client, intent: &str) -> Result<PaymentState, PaymentError> {
    let path = format!("/v1/payment_intents/{intent}");
    let intent: wire::Intent = client.get(Call::on(READ, path, intent, expand_charge("latest_charge"))).await?;
    let mut state = PaymentState::unpaid(convert::money(READ, intent.amount, &intent.currency)?);
    let mut page = None;
    // Whether a payment that was not made can still be made depends on its page.
    if !matches!(intent.status.as_str(), "succeeded" | "processing")
        && let Some(session) = session_of(client, &intent.id).await?
    {
        state = of_session(&session)?;
        page = Some(Page::of(&session));
    }
    add_intent(client, &mut state, &intent, page).await?;
    Ok(state)
}

async fn session_of(client: &Client, intent: &str) -> Result<Option<wire::Session>, PaymentError> {
    let params = vec![param("payment_intent", intent), param("limit", "1")];
    let found: wire::List<wire::Session> = client.get(Call::new(READ, "/v1/checkout/sessions", params)).await?;
    Ok(found.data.into_iter().next())
}

async fn by_charge(client: &Client, charge: &str) -> Result<PaymentState, PaymentError> {
    let path = format!("/v1/charges/{charge}");
    let charge: wire::Charge = client.get(Call::on(READ, path, charge, Vec::new())).await?;
    match &charge.payment_intent {
        Some(intent) => by_intent(client, intent.id()).await,
        None => foreign(&charge),
    }
}

/// By a refund, a dispute or a warning.
async fn by_part(client: &Client, collection: &str, id: &str) -> Result<PaymentState, PaymentError> {
    let path = format!("{collection}/{id}");
    let part: wire::OfPayment = client.get(Call::on(READ, path, id, Vec::new())).await?;
    match (&part.payment_intent, &part.charge) {
        (Some(intent), _) => by_intent(client, intent.id()).await,
        (None, Some(wire::Linked::Id(charge))) => by_charge(client, charge).await,
        (None, Some(wire::Linked::Object(charge))) => by_charge(client, &charge.id).await,
        (None, None) => Err(unexpected(READ, "charge of a part")),
    }
}

/// A search: one order may have several payments, of which one that is paid counts, else the newest.
async fn by_order(client: &Client, order: &OrderRef) -> Result<PaymentState, PaymentError> {
    let (marker, is_ours) = (client.marker(), metadata::MARKER);
    let query = format!("metadata['{}']:'{order}' AND metadata['{is_ours}']:'{marker}'", metadata::ORDER);
    let params = vec![param("query", &query), param("limit", SEARCH_MAX)];
    let call = Call::on(READ, "/v1/payment_intents/search".to_owned(), order.as_str(), params);
    let found: wire::List<wire::Intent> = client.get(call).await?;
    let best = found.data.iter().max_by_key(|intent| (intent.status == "succeeded", intent.created));
    match best {
        Some(intent) => by_intent(client, &intent.id).await,
        None => Err(PaymentError::NotFound { operation: READ, object: order.to_string() }),
    }
}

fn of_session(session: &wire::Session) -> Result<PaymentState, PaymentError> {
    // A page of another product may have neither; then both are of no interest.
    let (amount, currency) = (session.amount_total.unwrap_or_default(), session.currency.as_deref().unwrap_or("usd"));
    let asked = convert::money(READ, amount, currency)?;
    let mut state = PaymentState::unpaid(asked);
    state.session = Some(convert::id(READ, &session.id)?);
    state.mode = convert::mode(session.livemode);
    state.created_at = convert::time(session.created);
    state.order = convert::told(session.metadata.as_ref(), metadata::ORDER);
    state.marker = convert::told(session.metadata.as_ref(), metadata::MARKER);
    state.customer = session.customer.as_ref().map(|customer| convert::id(READ, customer.id())).transpose()?;
    state.progress = match (session.status.as_deref(), session.payment_status.as_deref()) {
        // A total of zero: nothing of ours is free, so that its position is a mismatch.
        (Some("complete"), Some("paid" | "no_payment_required")) => Progress::Paid,
        (Some("complete"), _) => Progress::Waiting,
        (Some("expired"), _) => Progress::Expired,
        _ => Progress::Open,
    };
    state.paid = (state.progress == Progress::Paid).then_some(asked);
    Ok(state)
}

/// The state of a page, which decides about a payment that has not been made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Page {
    Open,
    Complete,
    Expired,
}

impl Page {
    fn of(session: &wire::Session) -> Self {
        match session.status.as_deref() {
            Some("complete") => Self::Complete,
            Some("expired") => Self::Expired,
            _ => Self::Open,
        }
    }
}

async fn add_intent(
    client: &Client,
    state: &mut PaymentState,
    intent: &wire::Intent,
    page: Option<Page>,
) -> Result<(), PaymentError> {
    let charge = match &intent.latest_charge {
        Some(wire::Linked::Object(charge)) => Some(charge.as_ref()),
        Some(wire::Linked::Id(_)) => return Err(unexpected(READ, "latest charge")),
        None => None,
    };
    let payment: PaymentId = convert::id(READ, &intent.id)?;
    state.mode = convert::mode(intent.livemode);
    state.asked = convert::money(READ, intent.amount, &intent.currency)?;
    state.created_at = convert::time(intent.created);
    state.progress = progress(intent, charge, page);
    let paid = match state.progress {
        Progress::Paid => Some(intent.amount_received),
        Progress::Reversed => charge.map(|charge| charge.amount),
        _ => None,
    };
    state.paid = paid.map(|minor| convert::money(READ, minor, &intent.currency)).transpose()?;
    state.needs_buyer = state.progress == Progress::Failed && intent.needs_buyer();
    state.order = convert::told(intent.metadata.as_ref(), metadata::ORDER).or(state.order.take());
    state.marker = convert::told(intent.metadata.as_ref(), metadata::MARKER).or(state.marker.take());
    if let Some(customer) = &intent.customer {
        state.customer = Some(convert::id(READ, customer.id())?);
    }
    let is_saved = intent.setup_future_usage.as_deref() == Some("off_session") && intent.customer.is_some();
    if let Some(method) = intent.payment_method.as_ref().filter(|_| is_saved && paid.is_some()) {
        state.saved_method = Some(convert::id(READ, method.id())?);
    }
    if let Some(charge) = charge {
        state.charge = Some(convert::id(READ, &charge.id)?);
        let movements = [&charge.balance_transaction, &charge.failure_balance_transaction];
        for link in movements {
            state.movements.extend(convert::linked_movement(READ, link.as_ref())?);
        }
        add_lists(client, state, &payment).await?;
    }
    state.payment = Some(payment);
    Ok(())
}

fn progress(intent: &wire::Intent, charge: Option<&wire::Charge>, page: Option<Page>) -> Progress {
    // A delayed method can fail after it had succeeded, whatever the intent says then.
    if charge.is_some_and(|charge| charge.failure_balance_transaction.is_some()) {
        return Progress::Reversed;
    }
    match (intent.status.as_str(), page) {
        ("succeeded", _) => Progress::Paid,
        ("processing", _) => Progress::Waiting,
        (_, Some(Page::Expired)) => Progress::Expired,
        ("canceled", _) | (_, Some(Page::Complete)) => Progress::Failed,
        (_, Some(Page::Open)) => Progress::Open,
        // Without a page nobody can try again.
        ("requires_action", None) => Progress::Failed,
        _ if intent.last_payment_error.is_some() || charge.is_some() => Progress::Failed,
        _ => Progress::Open,
    }
}

async fn add_lists(client: &Client, state: &mut PaymentState, payment: &PaymentId) -> Result<(), PaymentError> {
    let of_payment = || vec![param("payment_intent", payment.as_str())];
    let mut of_refunds = of_payment();
    of_refunds.push(param("expand[0]", "data.balance_transaction"));
    of_refunds.push(param("expand[1]", "data.failure_balance_transaction"));
    let (refunds, disputes, warnings) = try_join3(
        all::<wire::Refund>(client, READ, "/v1/refunds", of_refunds),
        all::<wire::Dispute>(client, READ, "/v1/disputes", of_payment()),
        all::<wire::Warning>(client, READ, "/v1/radar/early_fraud_warnings", of_payment()),
    )
    .await?;
    for refund in &refunds {
        state.refunds.push(convert::refund(READ, refund)?);
        for link in [&refund.balance_transaction, &refund.failure_balance_transaction] {
            state.movements.extend(convert::linked_movement(READ, link.as_ref())?);
        }
    }
    for dispute in &disputes {
        let dispute = convert::dispute(READ, dispute)?;
        state.movements.extend(dispute.movements.iter().cloned());
        state.disputes.push(dispute);
    }
    for warning in &warnings {
        state.warnings.push(convert::warning(READ, warning)?);
    }
    Ok(())
}

/// A charge without a payment is made by an interface that we do not use.
fn foreign(charge: &wire::Charge) -> Result<PaymentState, PaymentError> {
    let amount = convert::money(READ, charge.amount, &charge.currency)?;
    let mut state = PaymentState::unpaid(amount);
    state.mode = convert::mode(charge.livemode);
    state.created_at = convert::time(charge.created);
    state.charge = Some(convert::id(READ, &charge.id)?);
    let is_paid = charge.status.as_deref() == Some("succeeded");
    state.progress = if is_paid { Progress::Paid } else { Progress::Failed };
    state.paid = is_paid.then_some(amount);
    Ok(state)
}

/// Asks for a charge and the movements that it made, in place of their ids.
fn expand_charge(path: &str) -> Params {
    vec![
        param("expand[0]", &format!("{path}.balance_transaction")),
        param("expand[1]", &format!("{path}.failure_balance_transaction")),
    ]
}

fn param(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
