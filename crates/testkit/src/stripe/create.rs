//! What a client makes: pages, customers, charges of saved methods, refunds.

use super::books::{Books, Handled, Refusal, amount, invalid, missing, text};
use super::form;
use super::objects::{self, Price};
use super::query::{Params, param, refuse_unknown};
use super::server::Charging;
use serde_json::{Value, json};

const MINUTE_S: u64 = 60;
const DAY_S: u64 = 86_400;
/// The least that Stripe charges in dollars and euros.
const AMOUNT_MIN: i64 = 50;

const SESSION_PARAMS: [&str; 27] = [
    "mode",
    "client_reference_id",
    "line_items.*.quantity",
    "line_items.*.price",
    "line_items.*.price_data.currency",
    "line_items.*.price_data.unit_amount",
    "line_items.*.price_data.product_data.name",
    "line_items.*.price_data.product_data.description",
    "adaptive_pricing.enabled",
    "allow_promotion_codes",
    "success_url",
    "cancel_url",
    "expires_at",
    "metadata.*",
    "payment_intent_data.metadata.*",
    "payment_intent_data.setup_future_usage",
    "payment_intent_data.description",
    "payment_intent_data.shipping.name",
    "payment_intent_data.shipping.address.*",
    "customer",
    "customer_email",
    "customer_creation",
    "excluded_payment_method_types.*",
    "integration_identifier",
    "locale",
    "submit_type",
    "expand.*",
];
const INTENT_PARAMS: [&str; 12] = [
    "amount",
    "currency",
    "customer",
    "payment_method",
    "off_session",
    "confirm",
    "error_on_requires_action",
    "automatic_payment_methods.enabled",
    "automatic_payment_methods.allow_redirects",
    "description",
    "metadata.*",
    "expand.*",
];
const REFUND_PARAMS: [&str; 6] = ["payment_intent", "charge", "amount", "reason", "metadata.*", "expand.*"];

impl Books {
    pub(super) fn create_session(&mut self, params: &Params) -> Handled {
        refuse_unknown(params, &SESSION_PARAMS)?;
        let told = form::to_json(params);
        one_of(&told, "mode", &["payment"])?;
        required(params, "success_url")?;
        let (total, currency) = self.total(&told)?;
        let expires_at = self.expiry(params)?;
        if !told["customer"].is_null() && !told["customer_email"].is_null() {
            return Err(invalid("", "customer", "You may only specify one of these: customer, customer_email."));
        }
        if !told["customer"].is_null() && !told["customer_creation"].is_null() {
            return Err(invalid("", "customer_creation", "Not together with customer."));
        }
        if let Some(customer) = param(params, "customer") {
            self.one("customer", customer).map_err(|_| missing(400, "customer", customer))?;
        }
        let prefix = if self.livemode { "cs_live_" } else { "cs_test_" };
        let id = self.id(prefix);
        let session = objects::session(self.common(&id), Price { amount: total, currency: &currency });
        self.keep(session);
        for field in ["client_reference_id", "success_url", "cancel_url", "customer", "customer_email"] {
            self.set(&id, json!({field: told[field]}));
        }
        if let Some(creation) = param(params, "customer_creation") {
            self.set(&id, json!({"customer_creation": creation}));
        }
        let metadata = or_empty(&told["metadata"]);
        let data = &told["payment_intent_data"];
        let data = json!({"metadata": or_empty(&data["metadata"]), "setup_future_usage": data["setup_future_usage"]});
        let is_adapted = told["adaptive_pricing"]["enabled"] == "true";
        self.set(
            &id,
            json!({"metadata": metadata, "double_intent_data": data, "expires_at": expires_at,
                "adaptive_pricing": {"enabled": is_adapted}}),
        );
        self.expanded(self.shown(&id), params, "")
    }

    fn total(&self, told: &Value) -> Result<(i64, String), Refusal> {
        let items = told["line_items"].as_array().filter(|items| !items.is_empty());
        let (mut sum, mut currency) = (0, String::new());
        for (index, item) in items.ok_or_else(|| missing_parameter("line_items"))?.iter().enumerate() {
            let quantity = number(&item["quantity"]);
            let quantity = quantity.ok_or_else(|| missing_parameter(&format!("line_items[{index}][quantity]")))?;
            let kept = self.price_of(item)?;
            let (unit, unit_currency) = kept.map_or_else(|| told_price(item, index), Ok)?;
            currency = unit_currency;
            sum += quantity * unit;
        }
        if !matches!(currency.as_str(), "usd" | "eur") {
            return Err(invalid("", "line_items[0][price_data][currency]", "Invalid currency."));
        }
        check_minimum(sum, "line_items")?;
        Ok((sum, currency))
    }

    fn expiry(&self, params: &Params) -> Result<u64, Refusal> {
        let at = integer(params, "expires_at")?.and_then(|at| u64::try_from(at).ok());
        let at = at.unwrap_or(self.now_s + DAY_S);
        if at < self.now_s + 30 * MINUTE_S || at > self.now_s + DAY_S {
            let message = "The expires_at timestamp must be between 30 minutes and 24 hours from now.";
            return Err(invalid("", "expires_at", message));
        }
        Ok(at)
    }

    pub(super) fn expire_session(&mut self, id: &str, params: &Params) -> Handled {
        refuse_unknown(params, &["expand.*"])?;
        if self.one("checkout.session", id)?["status"] != "open" {
            return Err(invalid("", "", "Only Checkout Sessions with a status in [\"open\"] can be expired."));
        }
        self.expire(id);
        self.expanded(self.shown(id), params, "")
    }

    pub(super) fn create_customer(&mut self, params: &Params) -> Handled {
        refuse_unknown(params, &["email", "name", "metadata.*", "expand.*"])?;
        let told = form::to_json(params);
        let id = self.new_customer(&told["email"]);
        self.set(&id, json!({"name": told["name"], "metadata": or_empty(&told["metadata"])}));
        Ok(self.shown(&id))
    }

    /// Payments keep the id of a customer who is gone.
    pub(super) fn delete_customer(&mut self, id: &str) -> Handled {
        let found = self.one("customer", id).map_err(|_| missing(404, "customer", id))?;
        if found["deleted"] == true {
            return Err(missing(404, "customer", id));
        }
        self.set(id, json!({"deleted": true, "email": null, "name": null}));
        Ok(json!({"id": id, "object": "customer", "deleted": true}))
    }

    /// A charge while the buyer is away.
    pub(super) fn create_intent(&mut self, params: &Params, charging: &Charging) -> Handled {
        refuse_unknown(params, &INTENT_PARAMS)?;
        let told = form::to_json(params);
        let total = integer(params, "amount")?.ok_or_else(|| missing_parameter("amount"))?;
        let currency = required(params, "currency")?.to_owned();
        check_minimum(total, "amount")?;
        for (name, expected) in [("confirm", "true"), ("off_session", "true")] {
            if param(params, name) != Some(expected) {
                return Err(invalid("", name, "The double makes off-session payments only."));
            }
        }
        let (customer, method) = (required(params, "customer")?, required(params, "payment_method")?);
        self.one("customer", customer).map_err(|_| missing(400, "customer", customer))?;
        let found = self.one("payment_method", method).map_err(|_| missing(400, "payment_method", method))?;
        if found["customer"] != customer {
            return Err(invalid("", "payment_method", "The payment method belongs to another customer."));
        }
        let email = self.get(customer)["email"].clone();
        let intent = self.new_intent(Price { amount: total, currency: &currency });
        self.set(
            &intent,
            json!({"customer": customer, "payment_method": method, "metadata": or_empty(&told["metadata"])}),
        );
        self.new_charge(&intent, &email);
        let code = match charging {
            Charging::Succeed => {
                self.succeed(&intent, "charge");
                return self.expanded(self.shown(&intent), params, "");
            }
            Charging::Process => {
                self.set(&intent, json!({"status": "processing"}));
                self.emit("payment_intent.processing", &intent);
                return self.expanded(self.shown(&intent), params, "");
            }
            Charging::Decline(code) => code.as_str(),
            Charging::AskForAuthentication => "authentication_required",
        };
        let mut error = self.decline(&intent, code);
        error["payment_intent"] = self.shown(&intent);
        Err(Refusal { status: 402, error })
    }

    pub(super) fn create_refund(&mut self, params: &Params, status: &str) -> Handled {
        refuse_unknown(params, &REFUND_PARAMS)?;
        let charge = self.charge_to_refund(params)?;
        let is_stopped = |dispute: &Value| dispute["charge"] == charge && dispute["is_charge_refundable"] == false;
        if self.of_kind("dispute").any(|dispute| is_stopped(dispute) && dispute["status"] != "won") {
            return Err(invalid("charge_disputed", "", "The charge has been charged back."));
        }
        let rest = amount(self.get(&charge), "amount_captured") - self.refunded(&charge);
        if rest <= 0 {
            return Err(invalid("charge_already_refunded", "", "The charge has already been refunded."));
        }
        let part = integer(params, "amount")?.unwrap_or(rest);
        if part <= 0 || part > rest {
            return Err(invalid("", "amount", "Refund amount is greater than unrefunded amount on charge."));
        }
        let id = self.refund(&charge, part, status);
        self.set(&id, json!({"metadata": or_empty(&form::to_json(params)["metadata"])}));
        self.expanded(self.shown(&id), params, "")
    }

    fn charge_to_refund(&self, params: &Params) -> Result<String, Refusal> {
        if let Some(charge) = param(params, "charge") {
            return self.one("charge", charge).map(|_| charge.to_owned());
        }
        let intent = required(params, "payment_intent")?;
        let found = self.one("payment_intent", intent).map_err(|_| missing(400, "payment_intent", intent))?;
        if found["status"] != "succeeded" {
            return Err(invalid("", "payment_intent", "This PaymentIntent does not have a successful charge."));
        }
        Ok(text(found, "latest_charge").to_owned())
    }

    pub(super) fn create_portal(&mut self, params: &Params) -> Handled {
        refuse_unknown(params, &["customer", "return_url", "configuration", "locale", "expand.*"])?;
        let customer = required(params, "customer")?;
        self.one("customer", customer).map_err(|_| missing(400, "customer", customer))?;
        let id = self.id("bps_");
        Ok(json!({
            "id": id, "object": "billing_portal.session", "configuration": "bpc_double", "created": self.now_s,
            "customer": customer, "flow": null, "livemode": self.livemode, "locale": null, "on_behalf_of": null,
            "return_url": param(params, "return_url"), "url": format!("https://billing.stripe.com/p/session/{id}"),
        }))
    }
}

/// The price of an item that is told with it.
fn told_price(item: &Value, index: usize) -> Result<(i64, String), Refusal> {
    let data = &item["price_data"];
    let name = |rest: &str| format!("line_items[{index}][price_data]{rest}");
    let unit = number(&data["unit_amount"]).ok_or_else(|| missing_parameter(&name("[unit_amount]")))?;
    if data["product_data"]["name"].as_str().is_none_or(str::is_empty) {
        return Err(missing_parameter(&name("[product_data][name]")));
    }
    Ok((unit, text(data, "currency").to_owned()))
}

fn number(value: &Value) -> Option<i64> {
    value.as_str()?.parse().ok()
}

fn check_minimum(total: i64, name: &str) -> Result<(), Refusal> {
    if total < AMOUNT_MIN {
        return Err(invalid("amount_too_small", name, "The amount must be at least 50 cents."));
    }
    Ok(())
}

fn or_empty(value: &Value) -> Value {
    if value.is_null() { json!({}) } else { value.clone() }
}

fn one_of(told: &Value, name: &str, values: &[&str]) -> Result<(), Refusal> {
    let value = told[name].as_str().ok_or_else(|| missing_parameter(name))?;
    if values.contains(&value) { Ok(()) } else { Err(invalid("", name, &format!("Invalid {name}."))) }
}

fn required<'a>(params: &'a Params, name: &str) -> Result<&'a str, Refusal> {
    param(params, name).filter(|value| !value.is_empty()).ok_or_else(|| missing_parameter(name))
}

fn missing_parameter(name: &str) -> Refusal {
    invalid("parameter_missing", name, &format!("Missing required param: {name}."))
}

fn integer(params: &Params, name: &str) -> Result<Option<i64>, Refusal> {
    let value = param(params, name).map(str::parse).transpose();
    value.map_err(|_| invalid("parameter_invalid_integer", name, &format!("Invalid integer: {name}")))
}
