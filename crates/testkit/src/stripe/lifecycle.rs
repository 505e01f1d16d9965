//! What happens to payments: what buyers, banks and operators do.

use super::books::{Books, Movement, amount, text};
use super::objects::{self, Common, Price};
use serde_json::{Value, json};

/// What a chargeback costs.
const DISPUTE_FEE: i64 = 1_500;

/// How a payment goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// The money is there at once.
    Card,
    /// The money takes days.
    Delayed,
}

impl Books {
    /// The fields that a new object has in common with all.
    pub(super) fn common<'a>(&self, id: &'a str) -> Common<'a> {
        Common { id, created_s: self.now_s, livemode: self.livemode }
    }

    /// A payment of this price.
    pub(super) fn new_intent(&mut self, price: Price<'_>) -> String {
        let id = self.id("pi_");
        let intent = objects::intent(self.common(&id), price);
        self.keep(intent)
    }

    pub(super) fn new_customer(&mut self, email: &Value) -> String {
        let id = self.id("cus_");
        let customer = objects::customer(self.common(&id), email);
        self.keep(customer)
    }

    /// A payment method of a customer, or of a guest.
    pub(super) fn new_method(&mut self, customer: &Value, email: &Value) -> String {
        let id = self.id("pm_");
        let method = objects::method(self.common(&id), customer, email);
        self.keep(method)
    }

    /// A charge of a payment, still pending.
    pub(super) fn new_charge(&mut self, intent: &str, email: &Value) -> String {
        let id = self.id("ch_");
        let charge = objects::charge(self.common(&id), self.get(intent), email);
        self.keep(charge);
        self.set(intent, json!({"latest_charge": id}));
        id
    }

    /// The buyer names a payment method on a page: from here on there is a payment, and a charge of it.
    fn begin(&mut self, session: &str) -> (String, String) {
        let page = self.get(session).clone();
        assert_eq!(page["status"], "open", "only an open page can be paid");
        let price = Price { amount: amount(&page, "amount_total"), currency: text(&page, "currency") };
        let intent = match page["payment_intent"].as_str() {
            Some(intent) => intent.to_owned(),
            None => self.new_intent(price),
        };
        let email = page["customer_email"].clone();
        let creates = page["customer"].is_null() && page["customer_creation"] == "always";
        let customer = if creates { json!(self.new_customer(&email)) } else { page["customer"].clone() };
        let paid_with = self.new_method(&customer, &email);
        let data = &page["double_intent_data"];
        self.set(
            &intent,
            json!({"customer": customer, "payment_method": paid_with, "metadata": data["metadata"],
                "setup_future_usage": data["setup_future_usage"]}),
        );
        self.set(session, json!({"payment_intent": intent, "customer": customer}));
        let charge = self.new_charge(&intent, &email);
        (intent, charge)
    }

    /// The buyer's card is declined on a page, which stays open.
    pub(super) fn fail_on_page(&mut self, session: &str) -> String {
        let (intent, _) = self.begin(session);
        self.decline(&intent, "card_declined");
        intent
    }

    /// The buyer pays on a page.
    pub(super) fn pay(&mut self, session: &str, method: Method) -> String {
        let (intent, charge) = self.begin(session);
        let details = objects::customer_details(&self.get(session)["customer_email"]);
        let done = json!({"status": "complete", "url": null, "customer_details": details,
            "payment_status": "unpaid"});
        self.set(session, done);
        match method {
            Method::Card => {
                self.succeed(&intent, "charge");
                self.set(session, json!({"payment_status": "paid"}));
            }
            Method::Delayed => {
                self.set(&intent, json!({"status": "processing"}));
                self.emit("payment_intent.processing", &intent);
                self.emit("charge.pending", &charge);
            }
        }
        self.emit("checkout.session.completed", session);
        intent
    }

    /// The money of the latest charge is there.
    pub(super) fn succeed(&mut self, intent: &str, kind: &str) {
        let charge = text(self.get(intent), "latest_charge").to_owned();
        let total = amount(self.get(intent), "amount");
        let fee = total * 29 / 1_000 + 30;
        let movement = self.book(&Movement { kind, category: "charge", amount: total, fee, source: &charge });
        self.set(
            &charge,
            json!({"status": "succeeded", "paid": true, "captured": true, "amount_captured": total,
                "balance_transaction": movement}),
        );
        self.set(intent, json!({"status": "succeeded", "amount_received": total, "last_payment_error": null}));
        self.emit("charge.succeeded", &charge);
        self.emit("payment_intent.succeeded", intent);
    }

    /// The latest charge is refused with this code.
    pub(super) fn decline(&mut self, intent: &str, code: &str) -> Value {
        let charge = text(self.get(intent), "latest_charge").to_owned();
        self.set(&charge, json!({"status": "failed", "failure_code": code, "failure_message": "It was declined."}));
        let error = json!({"type": "card_error", "code": code, "message": "It was declined.", "charge": charge});
        self.set(
            intent,
            json!({"status": "requires_payment_method", "last_payment_error": error, "payment_method": null}),
        );
        self.emit("charge.failed", &charge);
        self.emit("payment_intent.payment_failed", intent);
        error
    }

    /// A delayed payment ends.
    pub(super) fn finish_delayed(&mut self, session: &str, succeeds: bool) {
        let page = self.get(session);
        let intent = text(page, "payment_intent").to_owned();
        assert_eq!(self.get(&intent)["status"], "processing", "only a delayed payment can end later");
        if succeeds {
            self.succeed(&intent, "payment");
            self.set(session, json!({"payment_status": "paid"}));
            self.emit("checkout.session.async_payment_succeeded", session);
        } else {
            self.decline(&intent, "payment_intent_payment_attempt_failed");
            self.emit("checkout.session.async_payment_failed", session);
        }
    }

    /// The bank takes a payment back that had succeeded.
    pub(super) fn reverse(&mut self, intent: &str) {
        let charge = text(self.get(intent), "latest_charge").to_owned();
        let total = amount(self.get(&charge), "amount");
        let movement = Movement {
            kind: "payment_failure_refund",
            category: "charge_failure",
            amount: -total,
            fee: 0,
            source: &charge,
        };
        let movement = self.book(&movement);
        self.set(
            &charge,
            json!({"status": "failed", "paid": false, "failure_balance_transaction": movement,
                "failure_code": "insufficient_funds"}),
        );
        self.emit("charge.failed", &charge);
    }

    /// A page ends.
    pub(super) fn expire(&mut self, session: &str) {
        assert_eq!(self.get(session)["status"], "open", "only an open page can end");
        self.set(session, json!({"status": "expired", "url": null}));
        self.emit("checkout.session.expired", session);
    }

    /// Money goes back. The caller has checked that so much is left.
    pub(super) fn refund(&mut self, charge: &str, part: i64, status: &str) -> String {
        let id = self.id("re_");
        let refund = objects::refund(self.common(&id), self.get(charge), part);
        self.keep(refund);
        self.set(&id, json!({"status": status}));
        // A refund that waits for the buyer has moved nothing.
        if status != "requires_action" {
            self.withdraw_refund(&id);
        }
        self.count_refunds(charge);
        self.heed_no_warning(charge);
        self.emit("refund.created", &id);
        self.emit("charge.refunded", charge);
        id
    }

    fn withdraw_refund(&mut self, refund: &str) {
        let part = amount(self.get(refund), "amount");
        let movement = Movement { kind: "refund", category: "refund", amount: -part, fee: 0, source: refund };
        let movement = self.book(&movement);
        self.set(refund, json!({"balance_transaction": movement}));
    }

    /// A refund gets another status.
    pub(super) fn refund_becomes(&mut self, refund: &str, status: &str) {
        let before = self.get(refund).clone();
        let has_moved = !before["balance_transaction"].is_null();
        match status {
            "failed" | "canceled" if has_moved => {
                let part = amount(&before, "amount");
                let movement = Movement {
                    kind: "refund_failure",
                    category: "refund_failure",
                    amount: part,
                    fee: 0,
                    source: refund,
                };
                let movement = self.book(&movement);
                self.set(refund, json!({"failure_balance_transaction": movement}));
            }
            "succeeded" | "pending" if !has_moved => self.withdraw_refund(refund),
            _ => {}
        }
        self.set(refund, json!({"status": status}));
        self.count_refunds(text(&before, "charge"));
        self.emit("refund.updated", refund);
        if status == "failed" {
            self.emit("refund.failed", refund);
        }
    }

    fn count_refunds(&mut self, charge: &str) {
        let refunded = self.refunded(charge);
        let is_all = refunded >= amount(self.get(charge), "amount");
        self.set(charge, json!({"amount_refunded": refunded, "refunded": is_all}));
    }

    /// How much of a charge has gone back or is about to.
    pub(super) fn refunded(&self, charge: &str) -> i64 {
        let refunds = self.of_kind("refund").filter(|refund| refund["charge"] == charge);
        let counts = |refund: &&Value| !matches!(text(refund, "status"), "failed" | "canceled");
        refunds.filter(counts).map(|refund| amount(refund, "amount")).sum()
    }

    /// A bank disputes a charge.
    pub(super) fn dispute(&mut self, charge: &str, part: i64, status: &str) -> String {
        let id = self.id("du_");
        let dispute = objects::dispute(self.common(&id), self.get(charge), part);
        self.keep(dispute);
        self.set(&id, json!({"status": status}));
        self.set(charge, json!({"disputed": true}));
        self.heed_no_warning(charge);
        let is_chargeback = matches!(status, "needs_response" | "under_review" | "lost");
        if is_chargeback {
            self.move_dispute(&id, -1);
        }
        self.emit("charge.dispute.created", &id);
        if is_chargeback {
            self.emit("charge.dispute.funds_withdrawn", &id);
        }
        id
    }

    /// A dispute gets another status, and its money follows.
    pub(super) fn dispute_becomes(&mut self, dispute: &str, status: &str) {
        let net: i64 = movements(self.get(dispute)).map(|movement| amount(movement, "amount")).sum();
        self.set(dispute, json!({"status": status}));
        let kind = match status {
            "won" | "lost" | "warning_closed" | "prevented" => "charge.dispute.closed",
            _ => "charge.dispute.updated",
        };
        self.emit(kind, dispute);
        match status {
            "needs_response" | "under_review" | "lost" if net >= 0 => {
                self.move_dispute(dispute, -1);
                self.emit("charge.dispute.funds_withdrawn", dispute);
            }
            "won" if net < 0 => {
                self.move_dispute(dispute, 1);
                self.emit("charge.dispute.funds_reinstated", dispute);
            }
            _ => {}
        }
    }

    /// Moves the money of a dispute out (−1, with a fee) or back in (1).
    pub(super) fn move_dispute(&mut self, dispute: &str, sign: i64) {
        let part = amount(self.get(dispute), "amount");
        let (category, fee) = if sign < 0 { ("dispute", DISPUTE_FEE) } else { ("dispute_reversal", 0) };
        let movement = Movement { kind: "adjustment", category, amount: sign * part, fee, source: dispute };
        let movement = self.book(&movement);
        let mut all: Vec<Value> = movements(self.get(dispute)).cloned().collect();
        all.push(self.get(&movement).clone());
        self.set(dispute, json!({"balance_transactions": all, "is_charge_refundable": false}));
    }

    /// A warning asks for something until its payment is refunded or disputed.
    fn heed_no_warning(&mut self, charge: &str) {
        let warnings = self.of_kind("radar.early_fraud_warning").filter(|warning| warning["charge"] == charge);
        let warnings: Vec<String> = warnings.map(|warning| text(warning, "id").to_owned()).collect();
        for warning in warnings {
            self.set(&warning, json!({"actionable": false}));
        }
    }

    /// The issuer reports fraud.
    pub(super) fn warn(&mut self, charge: &str) -> String {
        let id = self.id("issfr_");
        let warning = objects::warning(self.common(&id), self.get(charge));
        self.keep(warning);
        self.emit("radar.early_fraud_warning.created", &id);
        id
    }
}

fn movements(dispute: &Value) -> impl Iterator<Item = &Value> {
    dispute["balance_transactions"].as_array().into_iter().flatten()
}
