//! Where the books must stand.

use crate::support::{position, usd};
use opencredits_billing::{
    Currency, DisputeState, DisputeStatus, MismatchKind, Money, MoneyMovement, MovementKind, PaymentError,
    PaymentState, Progress, RefundState, RefundStatus,
};
use opencredits_units::UnixMs;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn paid(minor: i64) -> PaymentState {
    let mut state = PaymentState::unpaid(usd(minor));
    state.progress = Progress::Paid;
    state.paid = Some(usd(minor));
    state
}

fn refund(number: usize, minor: i64, status: RefundStatus) -> RefundState {
    RefundState { id: format!("re_{number}").parse().unwrap(), amount: usd(minor), status, requested_by: None }
}

fn movement(id: &str, minor: i64) -> MoneyMovement {
    MoneyMovement {
        id: id.parse().unwrap(),
        kind: if minor < 0 { MovementKind::Dispute } else { MovementKind::DisputeReversal },
        amount: usd(minor),
        fee: usd(0),
        net: usd(minor),
        source: None,
        created_at: UnixMs::new(0),
    }
}

/// A dispute about this much that has moved these amounts.
fn dispute(number: usize, minor: i64, status: DisputeStatus, moved: &[i64]) -> DisputeState {
    let moved = moved.iter().enumerate();
    DisputeState {
        id: format!("du_{number}").parse().unwrap(),
        amount: usd(minor),
        status,
        reason: "fraudulent".to_owned(),
        is_charge_refundable: false,
        movements: moved.map(|(index, minor)| movement(&format!("txn_{number}_{index}"), *minor)).collect(),
    }
}

fn check(state: &PaymentState, units: u64, expected: (u64, u64, u64)) {
    let position = position(state, units, 1_000).unwrap();
    assert_eq!((position.granted, position.taken, position.frozen), expected, "{state:?}");
}

#[test]
fn nothing_is_granted_before_the_money_is_there() {
    use Progress::{Expired, Failed, Open, Waiting};
    for progress in [Open, Waiting, Failed, Expired] {
        let mut state = paid(1_000);
        state.progress = progress;
        check(&state, 100, (0, 0, 0));
    }
    check(&paid(1_000), 100, (100, 0, 0));
}

#[test]
fn a_payment_that_the_bank_took_back_is_taken_whole() {
    let mut state = paid(1_000);
    state.progress = Progress::Reversed;
    check(&state, 107, (107, 107, 0));
}

#[test]
fn refunds_take_by_their_status() {
    use RefundStatus::{Canceled, Failed, Pending, RequiresAction, Succeeded, Unknown};
    for (status, taken) in
        [(Pending, 25), (RequiresAction, 25), (Succeeded, 25), (Unknown, 25), (Failed, 0), (Canceled, 0)]
    {
        let mut state = paid(1_000);
        state.refunds.push(refund(1, 250, status));
        check(&state, 100, (100, taken, 0));
    }
}

#[test]
fn a_full_refund_takes_the_bonus_too_and_a_part_is_rounded_up() {
    for (parts, taken) in [(&[1_000][..], 107), (&[1][..], 1), (&[333, 333, 334][..], 107), (&[999][..], 107)] {
        let mut state = paid(1_000);
        state.refunds = parts.iter().enumerate().map(|(n, part)| refund(n, *part, RefundStatus::Succeeded)).collect();
        check(&state, 107, (107, taken, 0));
    }
}

#[test]
fn disputes_freeze_take_or_do_nothing_by_status_and_money() {
    use DisputeStatus::{Appealed, Inquiry, InquiryClosed, Lost, NeedsResponse, Prevented, UnderReview, Unknown, Won};
    let table: [(DisputeStatus, &[i64], u64, u64); 18] = [
        (Inquiry, &[], 0, 0),
        (InquiryClosed, &[], 0, 0),
        (NeedsResponse, &[-400], 0, 40),
        (NeedsResponse, &[], 0, 40),
        (UnderReview, &[-400], 0, 40),
        (Won, &[-400], 0, 0),
        (Won, &[-400, 400], 0, 0),
        (Lost, &[-400], 40, 0),
        (Lost, &[], 40, 0),
        (Lost, &[-400, 400], 0, 0),
        // Rates of exchange moved between the legs.
        (Lost, &[-400, 391], 0, 0),
        (Lost, &[-400, 9], 40, 0),
        (Lost, &[-400, 400, -400], 40, 0),
        (Appealed, &[-400], 40, 0),
        (Prevented, &[], 0, 0),
        (Prevented, &[-400], 40, 0),
        (Unknown, &[], 0, 0),
        (Unknown, &[-400], 0, 40),
    ];
    for (status, moved, taken, frozen) in table {
        let mut state = paid(1_000);
        state.disputes.push(dispute(1, 400, status, moved));
        check(&state, 100, (100, taken, frozen));
    }
}

#[test]
fn refunds_and_disputes_together_take_no_more_than_there_is() {
    let mut state = paid(1_000);
    state.refunds.push(refund(1, 300, RefundStatus::Succeeded));
    state.disputes.push(dispute(1, 1_000, DisputeStatus::NeedsResponse, &[-700]));
    check(&state, 100, (100, 30, 70));
    state.disputes[0].status = DisputeStatus::Lost;
    check(&state, 100, (100, 100, 0));
}

#[test]
fn an_amount_in_another_currency_counts_as_all_there_is() {
    let mut state = paid(1_000);
    state.disputes.push(dispute(1, 1, DisputeStatus::Lost, &[-1]));
    state.disputes[0].amount = Money::new(1, Currency::EUR);
    check(&state, 100, (100, 100, 0));
}

#[test]
fn what_was_paid_must_be_the_price() {
    let check = |money: Money, expected: Option<MismatchKind>| {
        let mut state = paid(1_000);
        state.paid = Some(money);
        let kind = match position(&state, 100, 1_000) {
            Err(PaymentError::Mismatch { kind, .. }) => Some(kind),
            _ => None,
        };
        assert_eq!(kind, expected, "{money:?}");
    };
    check(usd(1_000), None);
    check(usd(1_190), None);
    check(usd(999), Some(MismatchKind::Underpaid));
    check(usd(0), Some(MismatchKind::Underpaid));
    check(Money::new(1_000, Currency::EUR), Some(MismatchKind::Currency));
    check(Money::new(1_000, "jpy".parse().unwrap()), Some(MismatchKind::Currency));
}

#[test]
fn the_largest_figures_do_not_overflow() {
    let mut state = PaymentState::unpaid(usd(i64::MAX));
    state.progress = Progress::Paid;
    state.paid = Some(usd(i64::MAX));
    state.refunds.push(refund(1, i64::MAX - 1, RefundStatus::Succeeded));
    state.refunds.push(refund(2, i64::MAX, RefundStatus::Succeeded));
    let position = position(&state, u64::MAX, i64::MAX).unwrap();
    assert_eq!((position.taken, position.frozen, position.spendable()), (u64::MAX, 0, 0));
}

fn refunds() -> impl Strategy<Value = Vec<RefundState>> {
    use RefundStatus::{Canceled, Failed, Pending, Succeeded};
    let one = (0_usize..20, 0_i64..1_500, select(vec![Pending, Succeeded, Failed, Canceled]));
    vec(one, 0..6).prop_map(|all| {
        let mut all: Vec<_> = all.into_iter().map(|(number, minor, status)| refund(number, minor, status)).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all.dedup_by(|a, b| a.id == b.id);
        all
    })
}

fn disputes() -> impl Strategy<Value = Vec<DisputeState>> {
    use DisputeStatus::{Inquiry, Lost, NeedsResponse, Prevented, Unknown, Won};
    let one = (0_i64..1_500, select(vec![Inquiry, Lost, NeedsResponse, Prevented, Unknown, Won]), any::<bool>());
    vec(one, 0..4).prop_map(|all| {
        let all = all.into_iter().enumerate();
        all.map(|(n, (minor, status, moved))| dispute(n, minor, status, if moved { &[-500] } else { &[] })).collect()
    })
}

proptest! {
    #[test]
    fn the_position_is_bounded_and_does_not_depend_on_order_or_duplicates(
        refunds in refunds(), disputes in disputes(), units in 1_u64..10_000, paid_minor in 1_000_i64..3_000,
        turn in 0_usize..6,
    ) {
        let mut state = paid(paid_minor);
        state.refunds = refunds;
        state.disputes = disputes;
        let first = position(&state, units, 1_000).unwrap();
        prop_assert!(first.taken + first.frozen <= first.granted);
        prop_assert_eq!(first.spendable(), units - first.taken - first.frozen);

        let mut other = state.clone();
        other.refunds.extend(state.refunds.iter().cloned());
        other.disputes.extend(state.disputes.iter().cloned());
        let (refund_turn, dispute_turn) = (turn.min(other.refunds.len()), turn.min(other.disputes.len()));
        other.refunds.rotate_left(refund_turn);
        other.disputes.rotate_left(dispute_turn);
        prop_assert_eq!(position(&other, units, 1_000).unwrap(), first);
    }

    #[test]
    fn another_refund_never_gives_back(
        refunds in refunds(), disputes in disputes(), units in 1_u64..10_000, more in 1_i64..1_000,
    ) {
        let mut state = paid(1_000);
        state.refunds = refunds;
        state.disputes = disputes;
        let before = position(&state, units, 1_000).unwrap();
        state.refunds.push(refund(99, more, RefundStatus::Pending));
        let after = position(&state, units, 1_000).unwrap();
        prop_assert!(after.taken >= before.taken);
        prop_assert!(after.taken + after.frozen >= before.taken + before.frozen);
        state.refunds.push(refund(100, 1_000, RefundStatus::Succeeded));
        prop_assert_eq!(position(&state, units, 1_000).unwrap().taken, units);
    }

    #[test]
    fn a_refund_in_parts_takes_what_one_of_their_sum_takes(cuts in vec(1_i64..300, 1..5), units in 1_u64..10_000) {
        let mut in_parts = paid(1_000_000);
        in_parts.refunds = cuts.iter().enumerate().map(|(n, cut)| refund(n, *cut, RefundStatus::Succeeded)).collect();
        let mut at_once = paid(1_000_000);
        at_once.refunds.push(refund(1, cuts.iter().sum(), RefundStatus::Succeeded));
        let taken = |state: &PaymentState| position(state, units, 1_000).unwrap().taken;
        prop_assert_eq!(taken(&in_parts), taken(&at_once));
    }
}
