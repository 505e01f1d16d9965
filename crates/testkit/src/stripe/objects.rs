//! The objects as Stripe gives them, with every field that its schema requires.

use serde_json::{Value, json};

/// Personal data that Stripe would send: a test can search for it where it must not be.
const BUYER_NAME: &str = "Canary Buyer";

/// What all objects have.
#[derive(Clone, Copy)]
pub(super) struct Common<'a> {
    pub(super) id: &'a str,
    pub(super) created_s: u64,
    pub(super) livemode: bool,
}

/// What is asked of a buyer.
#[derive(Clone, Copy)]
pub(super) struct Price<'a> {
    pub(super) amount: i64,
    pub(super) currency: &'a str,
}

/// One object of two parts, since a literal has a limit.
fn merged(mut first: Value, second: Value) -> Value {
    for (name, value) in second.as_object().into_iter().flatten() {
        first[name] = value.clone();
    }
    first
}

fn billing_details(email: &Value) -> Value {
    let address = json!({"city": "Canary City", "country": "US", "line1": "1 Canary Street", "line2": null,
        "postal_code": "10001", "state": "NY"});
    json!({"address": address, "email": email, "name": BUYER_NAME, "phone": null, "tax_id": null})
}

pub(super) fn customer_details(email: &Value) -> Value {
    let address = billing_details(email)["address"].clone();
    json!({"address": address, "business_name": null, "email": email, "individual_name": null, "name": BUYER_NAME,
        "phone": null, "tax_exempt": "none", "tax_ids": []})
}

pub(super) fn session(common: Common<'_>, price: Price<'_>) -> Value {
    let url = format!("https://checkout.stripe.com/c/pay/{}#double", common.id);
    let first = json!({
        "id": common.id, "object": "checkout.session", "adaptive_pricing": {"enabled": false},
        "after_expiration": null, "allow_promotion_codes": null, "amount_subtotal": price.amount,
        "amount_total": price.amount, "automatic_tax": {"enabled": false, "liability": null, "status": null},
        "billing_address_collection": null, "cancel_url": null, "client_reference_id": null, "client_secret": null,
        "consent": null, "consent_collection": null, "created": common.created_s, "currency": price.currency,
        "currency_conversion": null, "custom_fields": [], "custom_text": {"after_submit": null,
        "shipping_address": null, "submit": null, "terms_of_service_acceptance": null}, "customer": null,
        "customer_creation": "if_required", "customer_details": null, "customer_email": null, "discounts": [],
    });
    let second = json!({
        "expires_at": common.created_s + 86_400, "invoice": null, "livemode": common.livemode, "locale": null,
        "metadata": {}, "mode": "payment", "payment_intent": null, "payment_link": null,
        "payment_method_collection": "if_required", "payment_method_options": {},
        "payment_method_types": ["card", "sepa_debit"], "payment_status": "unpaid",
        "phone_number_collection": {"enabled": false}, "recovered_from": null, "setup_intent": null,
        "shipping_address_collection": null, "shipping_cost": null, "shipping_options": [], "status": "open",
        "submit_type": null, "subscription": null, "success_url": null,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}, "ui_mode": "hosted_page",
        "url": url,
    });
    merged(first, second)
}

pub(super) fn intent(common: Common<'_>, price: Price<'_>) -> Value {
    let first = json!({
        "id": common.id, "object": "payment_intent", "amount": price.amount, "amount_capturable": 0,
        "amount_details": {"tip": {}}, "amount_received": 0, "application": null, "application_fee_amount": null,
        "automatic_payment_methods": null, "canceled_at": null, "cancellation_reason": null,
        "capture_method": "automatic", "client_secret": format!("{}_secret_double", common.id),
        "confirmation_method": "automatic", "created": common.created_s, "currency": price.currency,
        "customer": null, "description": null,
    });
    let second = json!({
        "last_payment_error": null, "latest_charge": null,
        "livemode": common.livemode, "metadata": {}, "next_action": null, "on_behalf_of": null,
        "payment_method": null, "payment_method_options": {}, "payment_method_types": ["card", "sepa_debit"],
        "processing": null, "receipt_email": null, "review": null, "setup_future_usage": null, "shipping": null,
        "statement_descriptor": null, "statement_descriptor_suffix": null, "status": "requires_payment_method",
        "transfer_data": null, "transfer_group": null,
    });
    merged(first, second)
}

/// A charge of this payment, which is pending.
pub(super) fn charge(common: Common<'_>, intent: &Value, email: &Value) -> Value {
    let card = json!({"brand": "visa", "checks": null, "country": "US", "exp_month": 8, "exp_year": 2030,
        "funding": "credit", "installments": null, "last4": "4242", "mandate": null, "network": "visa",
        "three_d_secure": null, "wallet": null});
    let first = json!({
        "id": common.id, "object": "charge", "amount": intent["amount"], "amount_captured": 0, "amount_refunded": 0,
        "application": null, "application_fee": null, "application_fee_amount": null, "balance_transaction": null,
        "billing_details": billing_details(email), "calculated_statement_descriptor": null, "captured": false,
        "created": common.created_s, "currency": intent["currency"], "customer": intent["customer"],
        "description": null, "disputed": false,
    });
    let second = json!({
        "failure_balance_transaction": null, "failure_code": null,
        "failure_message": null, "fraud_details": {}, "livemode": common.livemode, "metadata": intent["metadata"],
        "on_behalf_of": null, "outcome": null, "paid": false, "payment_intent": intent["id"],
        "payment_method": intent["payment_method"], "payment_method_details": {"type": "card", "card": card},
        "receipt_email": null, "receipt_number": null, "receipt_url": null, "refunded": false, "review": null,
        "shipping": null, "source_transfer": null, "statement_descriptor": null,
        "statement_descriptor_suffix": null, "status": "pending", "transfer_data": null, "transfer_group": null,
    });
    merged(first, second)
}

/// A refund of a charge.
pub(super) fn refund(common: Common<'_>, charge: &Value, amount: i64) -> Value {
    json!({
        "id": common.id, "object": "refund", "amount": amount, "balance_transaction": null, "charge": charge["id"],
        "created": common.created_s, "currency": charge["currency"], "metadata": {},
        "payment_intent": charge["payment_intent"], "reason": null, "receipt_number": null,
        "source_transfer_reversal": null, "status": "pending", "transfer_reversal": null,
    })
}

/// A dispute about a charge.
pub(super) fn dispute(common: Common<'_>, charge: &Value, amount: i64) -> Value {
    let details = json!({"due_by": common.created_s + 604_800, "enhanced_eligibility": {}, "has_evidence": false,
        "past_due": false, "submission_count": 0});
    json!({
        "id": common.id, "object": "dispute", "amount": amount, "balance_transactions": [], "charge": charge["id"],
        "created": common.created_s, "currency": charge["currency"], "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}, "customer_name": BUYER_NAME}, "evidence_details": details,
        "is_charge_refundable": true, "livemode": common.livemode, "metadata": {},
        "payment_intent": charge["payment_intent"], "reason": "fraudulent", "status": "needs_response",
    })
}

/// An issuer's report about a charge.
pub(super) fn warning(common: Common<'_>, charge: &Value) -> Value {
    json!({
        "id": common.id, "object": "radar.early_fraud_warning", "actionable": true, "charge": charge["id"],
        "created": common.created_s, "fraud_type": "unauthorized_use_of_card", "livemode": common.livemode,
        "payment_intent": charge["payment_intent"],
    })
}

pub(super) fn customer(common: Common<'_>, email: &Value) -> Value {
    json!({
        "id": common.id, "object": "customer", "address": null, "balance": 0, "created": common.created_s,
        "currency": null, "default_source": null, "delinquent": false, "description": null, "discount": null,
        "email": email, "invoice_prefix": "DOUBLE", "invoice_settings": {"custom_fields": null,
        "default_payment_method": null, "footer": null, "rendering_options": null}, "livemode": common.livemode,
        "metadata": {}, "name": null, "next_invoice_sequence": 1, "phone": null, "preferred_locales": [],
        "shipping": null, "tax_exempt": "none", "test_clock": null,
    })
}

pub(super) fn method(common: Common<'_>, customer: &Value, email: &Value) -> Value {
    let card = json!({"brand": "visa", "checks": null, "country": "US", "display_brand": "visa", "exp_month": 8,
        "exp_year": 2030, "fingerprint": "double", "funding": "credit", "generated_from": null, "last4": "4242",
        "networks": null, "three_d_secure_usage": null, "wallet": null});
    json!({
        "id": common.id, "object": "payment_method", "allow_redisplay": "unspecified",
        "billing_details": billing_details(email), "card": card, "created": common.created_s, "customer": customer,
        "livemode": common.livemode, "metadata": {}, "type": "card",
    })
}
