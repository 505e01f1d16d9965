//! What is made at Stripe: pages, charges, refunds.

use super::client::{Answer, Call, Client, Params, unexpected};
use super::lists::all;
use super::{convert, read, wire};
use crate::error::{NotRefundableReason, PaymentError};
use crate::ids::{CustomerId, PaymentId, SessionId};
use crate::metadata;
use crate::money::Money;
use crate::requests::{
    ChargeOutcome, Checkout, CheckoutRequest, PaymentRef, RefundRequest, SaveMethod, SavedCharge, check_url,
};
use crate::state::{DisputeStatus, PaymentState, RefundState};

/// How far our clock may be ahead of Stripe's, when charges since an order are looked for.
const CLOCK_AHEAD_MAX_S: u64 = 300;
const CHECKOUT: &str = "create a checkout page";
const EXPIRE: &str = "expire a checkout page";
const CHARGE: &str = "charge a saved payment method";
const REFUND: &str = "refund a payment";
const PORTAL: &str = "open the billing portal";
const DELETE_CUSTOMER: &str = "delete a customer";
/// Where the metadata of an off-session charge has its attempt.
const ATTEMPT: &str = "opencredits_attempt";
/// Where the metadata has the partner.
const PARTNER: &str = "opencredits_partner";

pub(super) async fn checkout(client: &Client, request: &CheckoutRequest) -> Result<Checkout, PaymentError> {
    request.check()?;
    let key = format!("oc-{}-{}-checkout-{}", client.marker(), request.order, request.attempt);
    let call = Call::new(CHECKOUT, "/v1/checkout/sessions", checkout_params(client, request));
    let session: wire::Session = client.post(call, Some(key)).await?;
    Ok(Checkout {
        session: convert::id(CHECKOUT, &session.id)?,
        url: session.url.ok_or(unexpected(CHECKOUT, "url"))?,
        expires_at: convert::time(session.expires_at),
    })
}

/// Neither `payment_method_types` nor `ui_mode`, whose values differ between versions of the API; the operator chooses
/// the methods in Stripe's dashboard.
fn checkout_params(client: &Client, request: &CheckoutRequest) -> Params {
    let mut params = Form::default();
    params.add("mode", "payment");
    params.add("client_reference_id", request.order.as_str());
    params.add("line_items[0][quantity]", "1");
    params.add("line_items[0][price_data][currency]", request.amount.currency().code());
    params.add("line_items[0][price_data][unit_amount]", &request.amount.minor().to_string());
    params.add("line_items[0][price_data][product_data][name]", client.product_name());
    // Always said, as the dashboard's default may be that the buyer pays in another currency.
    params.add("adaptive_pricing[enabled]", "false");
    params.add("success_url", &request.success_url);
    params.add("cancel_url", &request.cancel_url);
    params.add("expires_at", &request.expires_at.as_secs().to_string());
    let partner = request.partner.as_deref();
    // The page's metadata is not copied to the payment, so it is told twice.
    for prefix in ["metadata", "payment_intent_data[metadata]"] {
        params.add_metadata(prefix, metadata::ORDER, request.order.as_str());
        params.add_metadata(prefix, metadata::MARKER, client.marker().as_str());
        if let Some(partner) = partner {
            params.add_metadata(prefix, PARTNER, partner);
        }
    }
    match &request.customer {
        Some(customer) => params.add("customer", customer.as_str()),
        None => params.add("customer_email", &request.email),
    }
    if request.save_method == SaveMethod::OffSession {
        params.add("payment_intent_data[setup_future_usage]", "off_session");
        if request.customer.is_none() {
            params.add("customer_creation", "always");
        }
    }
    params.0
}

pub(super) async fn expire(client: &Client, session: &SessionId) -> Result<(), PaymentError> {
    let path = format!("/v1/checkout/sessions/{session}");
    let call = Call::on(EXPIRE, format!("{path}/expire"), session.as_str(), Vec::new());
    let refused = match client.post::<wire::Session>(call, None).await {
        Ok(_) => return Ok(()),
        Err(error @ PaymentError::Refused { .. }) => error,
        Err(error) => return Err(error),
    };
    // Only an open page can be ended, and the other ones are where they should be.
    let now: wire::Session = client.get(Call::on(EXPIRE, path, session.as_str(), Vec::new())).await?;
    if now.status.as_deref() == Some("open") { Err(refused) } else { Ok(()) }
}

/// An answer that was lost, or a stored failure, may hide a charge that was made. So it looks before it charges.
pub(super) async fn charge_saved(client: &Client, charge: &SavedCharge) -> Result<ChargeOutcome, PaymentError> {
    charge.check()?;
    let since_s = charge.ordered_at.as_secs().saturating_sub(CLOCK_AHEAD_MAX_S);
    let params = vec![
        ("customer".to_owned(), charge.customer.as_str().to_owned()),
        ("created[gte]".to_owned(), since_s.to_string()),
    ];
    let earlier: Vec<wire::Intent> = all(client, CHARGE, "/v1/payment_intents", params).await?;
    for intent in earlier.iter().filter(|intent| is_of(client, intent, charge)) {
        let outcome = outcome(intent)?;
        let is_this_attempt = told_attempt(intent) == Some(charge.attempt);
        // A declined charge can be tried again, by a new attempt; everything else stands.
        match outcome {
            ChargeOutcome::Declined { .. } | ChargeOutcome::ActionRequired { .. } if !is_this_attempt => {}
            outcome => return Ok(outcome),
        }
    }
    let key = format!("oc-{}-{}-charge-{}", client.marker(), charge.order, charge.attempt);
    let call = Call::new(CHARGE, "/v1/payment_intents", charge_params(client, charge));
    match client.pay::<wire::Intent>(call, key).await? {
        Answer::Success(intent) => outcome(&intent),
        Answer::Declined(error) => declined(&error),
    }
}

fn is_of(client: &Client, intent: &wire::Intent, charge: &SavedCharge) -> bool {
    let told = |name: &str| intent.metadata.as_ref().and_then(|metadata| metadata.get(name)).map(String::as_str);
    told(metadata::ORDER) == Some(charge.order.as_str()) && told(metadata::MARKER) == Some(client.marker().as_str())
}

fn told_attempt(intent: &wire::Intent) -> Option<u32> {
    convert::told(intent.metadata.as_ref(), ATTEMPT)
}

fn charge_params(client: &Client, charge: &SavedCharge) -> Params {
    let mut params = Form::default();
    params.add("amount", &charge.amount.minor().to_string());
    params.add("currency", charge.amount.currency().code());
    params.add("customer", charge.customer.as_str());
    params.add("payment_method", charge.method.as_str());
    params.add("off_session", "true");
    params.add("confirm", "true");
    params.add("error_on_requires_action", "true");
    // Any method that was saved is taken, but none that needs the buyer, who is away.
    params.add("automatic_payment_methods[enabled]", "true");
    params.add("automatic_payment_methods[allow_redirects]", "never");
    params.add_metadata("metadata", metadata::ORDER, charge.order.as_str());
    params.add_metadata("metadata", metadata::MARKER, client.marker().as_str());
    params.add_metadata("metadata", ATTEMPT, &charge.attempt.to_string());
    if let Some(partner) = charge.partner.as_deref() {
        params.add_metadata("metadata", PARTNER, partner);
    }
    params.0
}

fn outcome(intent: &wire::Intent) -> Result<ChargeOutcome, PaymentError> {
    let payment: PaymentId = convert::id(CHARGE, &intent.id)?;
    match intent.status.as_str() {
        "succeeded" => Ok(ChargeOutcome::Succeeded { payment }),
        "processing" => Ok(ChargeOutcome::Processing { payment }),
        "requires_action" => Ok(ChargeOutcome::ActionRequired { payment: Some(payment) }),
        _ => {
            let error = intent.last_payment_error.as_ref();
            Ok(refusal(error.unwrap_or(&wire::ApiError::default()), Some(payment)))
        }
    }
}

fn declined(error: &wire::ApiError) -> Result<ChargeOutcome, PaymentError> {
    let payment = error.payment_intent.as_ref().map(|intent| convert::id(CHARGE, &intent.id)).transpose()?;
    Ok(refusal(error, payment))
}

fn refusal(error: &wire::ApiError, payment: Option<PaymentId>) -> ChargeOutcome {
    if error.needs_buyer() {
        return ChargeOutcome::ActionRequired { payment };
    }
    let code = error.decline_code.as_deref().or(error.code.as_deref()).unwrap_or("unknown");
    ChargeOutcome::Declined { payment, code: code.to_owned() }
}

/// Looks first, so that a key means one refund for ever, not for the day that Stripe keeps it.
pub(super) async fn refund(client: &Client, request: &RefundRequest) -> Result<RefundState, PaymentError> {
    request.check()?;
    let state = read::payment(client, &PaymentRef::Payment(request.payment.clone())).await?;
    let made = state.refunds.iter().find(|refund| refund.requested_by.as_deref() == Some(request.key.as_str()));
    if let Some(made) = made {
        return Ok(made.clone());
    }
    check_refundable(&state, request.amount).map_err(PaymentError::NotRefundable)?;
    let mut params = Form::default();
    params.add("payment_intent", request.payment.as_str());
    if let Some(amount) = request.amount {
        params.add("amount", &amount.minor().to_string());
    }
    params.add_metadata("metadata", convert::REFUND_KEY, &request.key);
    let key = format!("oc-{}-refund-{}", client.marker(), request.key);
    let call = Call::on(REFUND, "/v1/refunds".to_owned(), request.payment.as_str(), params.0);
    let made: wire::Refund = client.post(call, Some(key)).await?;
    convert::refund(REFUND, &made)
}

fn check_refundable(state: &PaymentState, amount: Option<Money>) -> Result<(), NotRefundableReason> {
    let is_over = |status| matches!(status, DisputeStatus::Won | DisputeStatus::InquiryClosed);
    if state.disputes.iter().any(|dispute| !dispute.is_charge_refundable && !is_over(dispute.status)) {
        return Err(NotRefundableReason::Disputed);
    }
    let refunds = state.refunds.iter().filter(|refund| refund.status.counts());
    let rest = refunds.fold(state.paid, |rest, refund| rest?.checked_sub(refund.amount));
    match (rest, amount) {
        (Some(rest), _) if rest.minor() <= 0 => Err(NotRefundableReason::AlreadyRefunded),
        (Some(rest), Some(amount)) if rest.checked_sub(amount).is_none_or(|left| left.minor() < 0) => {
            Err(NotRefundableReason::ExceedsRest)
        }
        (Some(_), _) => Ok(()),
        // Nothing was paid.
        (None, _) => Err(NotRefundableReason::ExceedsRest),
    }
}

pub(super) async fn portal(client: &Client, customer: &CustomerId, return_url: &str) -> Result<String, PaymentError> {
    check_url(return_url, "return_url")?;
    let mut params = Form::default();
    params.add("customer", customer.as_str());
    params.add("return_url", return_url);
    let call = Call::on(PORTAL, "/v1/billing_portal/sessions".to_owned(), customer.as_str(), params.0);
    let portal: wire::Portal = client.post(call, None).await?;
    Ok(portal.url)
}

/// Deletes a customer. Stripe answers 404 once that is done.
pub(super) async fn delete_customer(client: &Client, customer: &CustomerId) -> Result<(), PaymentError> {
    let call = Call::on(DELETE_CUSTOMER, format!("/v1/customers/{customer}"), customer.as_str(), Params::new());
    match client.delete::<wire::Deleted>(call).await {
        Ok(_) | Err(PaymentError::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Parameters in Stripe's names for nested ones: `metadata[key]`.
#[derive(Default)]
struct Form(Params);

impl Form {
    fn add(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    fn add_metadata(&mut self, prefix: &str, name: &str, value: &str) {
        self.0.push((format!("{prefix}[{name}]"), value.to_owned()));
    }
}
