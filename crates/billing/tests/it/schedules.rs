//! Whatever happens to a payment, in whatever order its events come: one reading gives the whole of it.

use crate::support::{adapter, position, read, request};
use opencredits_billing::{Hint, Payments as _, Position, Subject, TOLERANCE_MS, WebhookSecret, verify_signature};
use opencredits_testkit::stripe::{Produced, StripeDouble, sign};
use opencredits_units::UnixMs;
use proptest::prelude::*;

const PAID: i64 = 10_000;
const UNITS: u64 = 10_700;
const SECRET: &str = "whsec_double";

/// Something that happens to a payment.
#[derive(Debug, Clone)]
enum Step {
    Refund { part: i64, status: &'static str },
    RefundBecomes { which: usize, status: &'static str },
    Dispute { part: i64, status: &'static str },
    DisputeBecomes { which: usize, status: &'static str },
}

fn step() -> impl Strategy<Value = Step> {
    let new = prop::sample::select(vec!["pending", "succeeded", "requires_action"]);
    let end = prop::sample::select(vec!["succeeded", "failed", "canceled"]);
    let opened = prop::sample::select(vec!["needs_response", "warning_needs_response"]);
    let decided = prop::sample::select(vec!["won", "lost", "under_review", "needs_response"]);
    prop_oneof![
        (1..4_000_i64, new).prop_map(|(part, status)| Step::Refund { part, status }),
        (0..4_usize, end).prop_map(|(which, status)| Step::RefundBecomes { which, status }),
        (1..PAID, opened).prop_map(|(part, status)| Step::Dispute { part, status }),
        (0..4_usize, decided).prop_map(|(which, status)| Step::DisputeBecomes { which, status }),
    ]
}

/// What a person would write down: the parts of the payment that are gone, and those that are disputed.
#[derive(Default)]
struct Notes {
    refunds: Vec<(String, i64, &'static str)>,
    disputes: Vec<(String, i64, &'static str)>,
}

impl Notes {
    fn sum(rows: &[(String, i64, &'static str)], counts: &[&str]) -> i64 {
        rows.iter().filter(|(.., status)| counts.contains(status)).map(|(_, part, _)| part).sum()
    }

    fn refunded(&self) -> i64 {
        Self::sum(&self.refunds, &["pending", "succeeded", "requires_action"])
    }

    /// The units taken and frozen, by the ratio of units to minor units: 1.07.
    fn expected(&self) -> (u64, u64) {
        let units = |minor: i64| u64::try_from((minor.min(PAID) * 107 + 99) / 100).unwrap();
        let gone = self.refunded() + Self::sum(&self.disputes, &["lost"]);
        let open = Self::sum(&self.disputes, &["needs_response", "under_review"]);
        (units(gone), units(gone + open) - units(gone))
    }

    fn apply(&mut self, double: &StripeDouble, payment: &str, step: &Step) {
        match *step {
            Step::Refund { part, status } if self.refunded() + part <= PAID => {
                self.refunds.push((double.refund(payment, part, status), part, status));
            }
            Step::RefundBecomes { which, status } => {
                // A refund that has come back stays so.
                if let Some(row) = self.refunds.get_mut(which).filter(|row| !["failed", "canceled"].contains(&row.2)) {
                    double.refund_becomes(&row.0, status);
                    row.2 = status;
                }
            }
            Step::Dispute { part, status } => self.disputes.push((double.dispute(payment, part, status), part, status)),
            Step::DisputeBecomes { which, status } => {
                if let Some(row) = self.disputes.get_mut(which) {
                    double.dispute_becomes(&row.0, status);
                    row.2 = status;
                }
            }
            Step::Refund { .. } => {}
        }
    }
}

/// The event's hint, by one or the other of its forms.
fn hint(event: &Produced, is_thin: bool, now_s: u64) -> Hint {
    let body = if is_thin { &event.thin } else { &event.snapshot };
    let secrets = [WebhookSecret::new(SECRET).unwrap()];
    let header = sign(body.as_bytes(), SECRET, now_s);
    let now = UnixMs::new(now_s * 1_000);
    Hint::parse(&verify_signature(body.as_bytes(), &header, &secrets, now, TOLERANCE_MS).unwrap()).unwrap()
}

async fn live(steps: &[Step], turn: usize) {
    let double = StripeDouble::start().unwrap();
    let stripe = adapter(&double, "rk_test_double", "instance-1");
    let session = stripe.create_checkout(&request(&double, "order-1", PAID)).await.unwrap().session;
    let payment = double.pay(session.as_str());
    let mut notes = Notes::default();
    for step in steps {
        notes.apply(&double, &payment, step);
    }
    let settled: Position = position(&read(&stripe, &payment).await, UNITS, PAID).unwrap();
    assert_eq!((settled.taken, settled.frozen), notes.expected(), "{steps:?}");
    let net: i64 = settled.movements.iter().map(|movement| movement.net.minor()).sum();
    assert_eq!(net, double.balance_minor(), "{steps:?}");

    // Some events in another order, some of them twice, the rest never.
    let mut events = double.take_events();
    let middle = turn % events.len();
    events.rotate_left(middle);
    for event in events.iter().step_by(3).chain(events.first()) {
        let Subject::Payment(subject) = hint(event, turn.is_multiple_of(2), double.now_s()).subject else {
            panic!("{} is about a payment", event.kind);
        };
        let state = stripe.payment(&subject).await.unwrap();
        assert_eq!(position(&state, UNITS, PAID).unwrap(), settled, "{}", event.kind);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_event_leads_to_where_the_double_stands(steps in prop::collection::vec(step(), 0..14), turn in 0..99_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live(&steps, turn));
    }
}
