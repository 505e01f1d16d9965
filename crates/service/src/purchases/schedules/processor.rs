//! Where schedules happen: in the sandbox, or at a double of the processor's API, which the adapter asks over HTTP and which
//! signs its events.

use super::parts::Dice;
use crate::purchases::Purchases;
use opencredits_billing::{
    After, DisputeStatus, EventId, Payments, Progress, RefundStatus, Sandbox, SessionId, Stripe, StripeKey,
    StripeSettings, WebhookSecret,
};
use opencredits_testkit::stripe::{Produced, StripeDouble, sign};
use opencredits_units::UnixMs;
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;

const SECRET: &str = "whsec_of_schedules";

/// A payment processor, and what buyers, banks and the operator do there.
pub(super) enum Processor {
    Sandbox { sandbox: Arc<Sandbox>, heard: Mutex<Option<EventId>> },
    Double { double: StripeDouble, adapter: Arc<Stripe>, events: Mutex<Vec<Produced>> },
}

/// Something that happens to a payment. Amounts are in minor units.
#[derive(Debug, Clone, Copy)]
pub(super) enum Happening {
    Pay,
    PayLater,
    Fail,
    Refund(i64, RefundStatus),
    /// The last refund takes another status.
    RefundBecomes(RefundStatus),
    Dispute(i64, DisputeStatus),
    /// One of the disputes takes another status.
    DisputeBecomes(usize, DisputeStatus),
    Warn,
}

/// A payment that may still be paid.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unpaid {
    Open,
    Waiting,
}

/// What can happen to a payment depends on this.
pub(super) struct Stage {
    /// Whether it is open or waits for a delayed method; neither where `None`.
    pub(super) unpaid: Option<Unpaid>,
    pub(super) paid: i64,
    /// What was refunded or disputed, whatever became of the disputes.
    pub(super) claimed: i64,
    pub(super) has_refund: bool,
    /// Whether each dispute is an inquiry.
    pub(super) inquiries: Vec<bool>,
    pub(super) is_warned: bool,
}

impl Processor {
    pub(super) fn sandbox() -> Self {
        let url = "http://127.0.0.1/pay/".to_owned();
        let sandbox = Arc::new(Sandbox::new("test".parse().unwrap(), url, UnixMs::default()));
        Self::Sandbox { sandbox, heard: Mutex::default() }
    }

    pub(super) fn double() -> Self {
        let double = StripeDouble::start().unwrap();
        let mut settings = StripeSettings::new(StripeKey::new("rk_test_1").unwrap(), "test".parse().unwrap());
        settings.base_url = double.base_url();
        Self::Double { double, adapter: Arc::new(Stripe::new(settings).unwrap()), events: Mutex::default() }
    }

    pub(super) fn payments(&self) -> Arc<dyn Payments> {
        match self {
            Self::Sandbox { sandbox, .. } => sandbox.clone(),
            Self::Double { adapter, .. } => adapter.clone(),
        }
    }

    pub(super) fn is_double(&self) -> bool {
        matches!(self, Self::Double { .. })
    }

    /// What is in all its books together, fees deducted; `None` where it does not tell.
    pub(super) fn balance_minor(&self) -> Option<i64> {
        match self {
            Self::Sandbox { .. } => None,
            Self::Double { double, .. } => Some(double.balance_minor()),
        }
    }

    pub(super) fn tell_time(&self, now: UnixMs) {
        if let Self::Double { double, .. } = self {
            double.set_now_s(now.as_secs());
        }
    }

    pub(super) fn stage(&self, session: &SessionId) -> Stage {
        match self {
            Self::Sandbox { sandbox, .. } => {
                let state = sandbox.page(session).unwrap().state;
                let refunds = state.refunds.iter().filter(|refund| refund.status.counts());
                let refunded: i64 = refunds.map(|refund| refund.amount.minor()).sum();
                let disputed: i64 = state.disputes.iter().map(|dispute| dispute.amount.minor()).sum();
                let is_inquiry = |status| matches!(status, DisputeStatus::Inquiry | DisputeStatus::InquiryClosed);
                Stage {
                    unpaid: match state.progress {
                        Progress::Open => Some(Unpaid::Open),
                        Progress::Waiting => Some(Unpaid::Waiting),
                        _ => None,
                    },
                    paid: state.paid.map_or(0, |paid| paid.minor()),
                    claimed: refunded + disputed,
                    has_refund: state.refunds.last().is_some_and(|refund| refund.status.counts()),
                    inquiries: state.disputes.iter().map(|dispute| is_inquiry(dispute.status)).collect(),
                    is_warned: !state.warnings.is_empty(),
                }
            }
            Self::Double { double, .. } => stage_at(double, session),
        }
    }

    /// It happens; where it makes no sense it is refused, as at the processor's own pages.
    pub(super) fn happen(&self, session: &SessionId, happening: Happening, now: UnixMs) {
        match self {
            Self::Sandbox { sandbox, .. } => in_sandbox(sandbox, session, happening, now),
            Self::Double { double, .. } => at_double(double, session, happening),
        }
    }

    /// Some of the events arrive, in any order, some of them twice. Others are lost.
    pub(super) async fn deliver(&self, purchases: &Purchases, dice: &Dice) {
        match self {
            Self::Sandbox { sandbox, heard } => {
                let before = heard.lock().clone();
                let after = before.as_ref().map_or(After::Time(UnixMs::default()), After::Id);
                let page = sandbox.events_after(after).await.unwrap();
                for _ in 0..dice.roll(4) {
                    if let Some(hint) = dice.pick(&page.items) {
                        // A sender that gets an error sends the event again, or gives up.
                        let _died = purchases.heed(hint).await;
                    }
                }
                if dice.roll(3) == 0 && page.next.is_some() {
                    *heard.lock() = page.next;
                }
            }
            Self::Double { double, events, .. } => {
                let all = {
                    let mut all = events.lock();
                    all.extend(double.take_events());
                    all.clone()
                };
                let secrets = [WebhookSecret::new(SECRET).unwrap()];
                for _ in 0..dice.roll(3) {
                    let Some(event) = dice.pick(&all) else { return };
                    let body = if dice.roll(2) == 0 { &event.snapshot } else { &event.thin };
                    let signature = sign(body.as_bytes(), SECRET, purchases.now().as_secs());
                    let _died = purchases.hear(body.as_bytes(), &signature, &secrets).await;
                }
            }
        }
    }
}

fn in_sandbox(sandbox: &Sandbox, session: &SessionId, happening: Happening, now: UnixMs) {
    let _refused = match happening {
        Happening::Pay => sandbox.pay(session, now),
        Happening::PayLater => sandbox.pay_later(session),
        Happening::Fail => sandbox.decline(session),
        Happening::Refund(minor, status) => sandbox.refund_at_processor(session, minor, status, now),
        Happening::RefundBecomes(status) => sandbox.refund_becomes(session, status, now),
        Happening::Dispute(minor, status) => sandbox.open_dispute(session, minor, status, now).map(|_| ()),
        Happening::DisputeBecomes(which, status) => {
            let dispute = sandbox.page(session).unwrap().state.disputes[which].id.clone();
            sandbox.dispute_becomes(session, &dispute, status, now)
        }
        Happening::Warn => sandbox.warn_of_fraud(session),
    };
}

fn at_double(double: &StripeDouble, session: &SessionId, happening: Happening) {
    let page = double.object(session.as_str());
    let payment = page["payment_intent"].as_str().unwrap_or_default();
    let of_payment = |kind: &str| {
        let all = double.objects(kind);
        all.into_iter().filter(|object| object["payment_intent"] == payment).collect::<Vec<Value>>()
    };
    let id = |object: &Value| object["id"].as_str().unwrap().to_owned();
    match happening {
        Happening::Pay if page["status"] == "open" => drop(double.pay(session.as_str())),
        Happening::Pay => double.async_succeed(session.as_str()),
        Happening::PayLater => drop(double.pay_unpaid(session.as_str())),
        Happening::Fail if page["status"] == "open" => drop(double.decline(session.as_str())),
        Happening::Fail => double.async_fail(session.as_str()),
        Happening::Refund(minor, status) => drop(double.refund(payment, minor, refund_word(status))),
        Happening::RefundBecomes(status) => {
            double.refund_becomes(&id(of_payment("refund").last().unwrap()), refund_word(status));
        }
        Happening::Dispute(minor, status) => drop(double.dispute(payment, minor, dispute_word(status))),
        Happening::DisputeBecomes(which, status) => {
            double.dispute_becomes(&id(&of_payment("dispute")[which]), dispute_word(status));
        }
        Happening::Warn => drop(double.early_fraud_warning(payment)),
    }
}

fn stage_at(double: &StripeDouble, session: &SessionId) -> Stage {
    let page = double.object(session.as_str());
    let payment = page["payment_intent"].as_str().map(|payment| double.object(payment));
    let of_payment = |kind: &str| {
        let id = page["payment_intent"].clone();
        double.objects(kind).into_iter().filter(|object| !id.is_null() && object["payment_intent"] == id).collect()
    };
    let (refunds, disputes): (Vec<Value>, Vec<Value>) = (of_payment("refund"), of_payment("dispute"));
    let counts = |refund: &&Value| !matches!(refund["status"].as_str(), Some("failed" | "canceled"));
    let sum = |amount: i64, object: &Value| amount + object["amount"].as_i64().unwrap();
    let status = |is: &str| payment.as_ref().is_some_and(|payment| payment["status"] == is);
    Stage {
        unpaid: match () {
            () if page["status"] == "open" => Some(Unpaid::Open),
            () if status("processing") => Some(Unpaid::Waiting),
            () => None,
        },
        paid: if status("succeeded") { page["amount_total"].as_i64().unwrap() } else { 0 },
        claimed: disputes.iter().fold(refunds.iter().filter(counts).fold(0, sum), sum),
        has_refund: refunds.last().is_some_and(|refund| counts(&refund)),
        inquiries: disputes.iter().map(|dispute| dispute["status"].as_str().unwrap().starts_with("warning_")).collect(),
        is_warned: !of_payment("radar.early_fraud_warning").is_empty(),
    }
}

fn refund_word(status: RefundStatus) -> &'static str {
    match status {
        RefundStatus::Pending => "pending",
        RefundStatus::RequiresAction => "requires_action",
        RefundStatus::Failed => "failed",
        RefundStatus::Canceled => "canceled",
        _ => "succeeded",
    }
}

fn dispute_word(status: DisputeStatus) -> &'static str {
    match status {
        DisputeStatus::Inquiry => "warning_needs_response",
        DisputeStatus::InquiryClosed => "warning_closed",
        DisputeStatus::UnderReview => "under_review",
        DisputeStatus::Won => "won",
        DisputeStatus::Lost => "lost",
        _ => "needs_response",
    }
}
