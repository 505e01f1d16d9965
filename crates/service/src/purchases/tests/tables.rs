//! What becomes of purchases, by example.

use super::check;

#[tokio::test]
async fn a_paid_order_gives_its_credits_once() {
    check(
        "
        buy 1000
        settle  | Open
        books   |
        pay
        settle  | Paid
        books   | wallet 1000, processor 941, fees 59
    ",
    )
    .await;
}

#[tokio::test]
async fn a_bonus_is_given_with_the_credits_and_goes_back_with_them() {
    check(
        "
        buy 5000
        pay
        settle                | Paid
        books                 | wallet 5500, processor 4825, fees 175
        refund 2500 succeeded
        settle                | Paid
        books                 | wallet 2750, processor 2325, fees 175
        refund 2500 succeeded
        settle                | Paid
        books                 | processor -175, fees 175
    ",
    )
    .await;
}

#[tokio::test]
async fn a_delayed_payment_gives_nothing_until_it_is_there_and_a_failed_one_never() {
    check(
        "
        buy 1000
        pay later
        settle  | Waiting
        books   |
        wait 4320
        pay
        settle  | Paid
        books   | wallet 1000, processor 941, fees 59
    ",
    )
    .await;
    check(
        "
        buy 1000
        pay later
        settle  | Waiting
        decline
        settle  | Failed
        books   |
    ",
    )
    .await;
}

#[tokio::test]
async fn refunds_count_by_their_sum_and_come_back_when_they_fail() {
    check(
        "
        buy 2000
        pay
        settle               | Paid
        refund 500 pending
        settle               | Paid
        refund 300 succeeded
        settle               | Paid
        books                | wallet 1200, processor 1112, fees 88
        refund becomes canceled
        settle               | Paid
        books                | wallet 1500, processor 1412, fees 88
    ",
    )
    .await;
}

#[tokio::test]
async fn what_was_spent_becomes_a_debt_that_the_next_purchase_settles_first() {
    check(
        "
        buy 1000
        pay
        settle               | Paid
        spend 700
        refund 1000 succeeded
        settle               | Paid
        books                | debt 700, processor -59, fees 59
        buy 1000
        pay
        settle               | Paid
        books                | wallet 300, processor 882, fees 118
    ",
    )
    .await;
}

#[tokio::test]
async fn a_failed_refund_gives_back_what_was_taken_and_settles_the_debt_first() {
    check(
        "
        buy 1000
        pay
        settle               | Paid
        spend 700
        refund 1000 pending
        settle               | Paid
        refund becomes failed
        settle               | Paid
        books                | wallet 300, processor 941, fees 59
    ",
    )
    .await;
}

#[tokio::test]
async fn a_dispute_freezes_and_a_won_one_thaws() {
    check(
        "
        buy 1000
        pay
        settle                      | Paid
        spend 400
        dispute 1000 needs_response
        settle                      | Paid
        books                       | frozen 600, processor -1559, fees 1559, disputed 1000
        dispute 1000 won
        settle                      | Paid
        books                       | wallet 600, processor -559, fees 1559
        refund 1000 succeeded
        settle                      | Paid
        books                       | debt 400, processor -1559, fees 1559
    ",
    )
    .await;
}

#[tokio::test]
async fn a_lost_dispute_takes_what_is_frozen_and_the_rest_is_owed() {
    check(
        "
        buy 1000
        pay
        settle                      | Paid
        spend 400
        dispute 1000 needs_response
        settle                      | Paid
        dispute 1000 lost
        settle                      | Paid
        books                       | debt 400, processor -1559, fees 1559
    ",
    )
    .await;
}

#[tokio::test]
async fn a_dispute_that_ends_leaves_what_another_of_the_order_has_frozen() {
    check(
        "
        buy 1000
        pay
        settle                            | Paid
        dispute 500 needs_response
        settle                            | Paid
        dispute again 300 needs_response
        settle                            | Paid
        books                             | wallet 200, frozen 800, processor -2859, fees 3059, disputed 800
        dispute first lost
        settle                            | Paid
        books                             | wallet 200, frozen 300, processor -2859, fees 3059, disputed 300
        dispute 300 won
        settle                            | Paid
        books                             | wallet 500, processor -2559, fees 3059
    ",
    )
    .await;
    // Less is there than is disputed: it stays frozen for the other dispute.
    check(
        "
        buy 1000
        pay
        settle                            | Paid
        spend 700
        dispute 500 needs_response
        settle                            | Paid
        dispute again 300 needs_response
        settle                            | Paid
        dispute first won
        settle                            | Paid
        books                             | frozen 300, processor -2359, fees 3059, disputed 300
        dispute 300 lost
        settle                            | Paid
        books                             | processor -2359, fees 3059
    ",
    )
    .await;
}

#[tokio::test]
async fn a_dispute_that_opens_as_another_is_lost_freezes_its_part() {
    check(
        "
        buy 1000
        pay
        settle                            | Paid
        dispute 500 needs_response
        settle                            | Paid
        dispute first lost
        dispute again 400 needs_response
        settle                            | Paid
        books                             | wallet 100, frozen 400, processor -2959, fees 3059, disputed 400
    ",
    )
    .await;
}

#[tokio::test]
async fn an_inquiry_moves_nothing() {
    check(
        "
        buy 1000
        pay
        settle                 | Paid
        dispute 1000 inquiry
        settle                 | Paid
        dispute 1000 inquiry_closed
        settle                 | Paid
        books                  | wallet 1000, processor 941, fees 59
    ",
    )
    .await;
}

#[tokio::test]
async fn a_payment_that_arrives_after_its_page_ended_counts() {
    check(
        "
        buy 1000
        expire
        settle  | Expired
        books   |
        pay
        settle  | Paid
        books   | wallet 1000, processor 941, fees 59
    ",
    )
    .await;
}

#[tokio::test]
async fn a_disputed_payment_is_not_refunded_and_a_refund_is_made_once() {
    check(
        "
        buy 1000
        pay
        dispute 1000 needs_response
        operator a   | payment cannot be refunded: it is disputed; wait for the dispute to be closed
        dispute 1000 won
        operator a   | refunded 1000
        operator a   | refunded 1000
        books        | processor -1559, fees 1559
    ",
    )
    .await;
}

#[tokio::test]
async fn a_fraud_warning_does_what_its_setting_says() {
    for (setting, top_up, books) in [
        ("log", "On", "wallet 1000, processor 941, fees 59"),
        ("stop_top_ups", "Disputed", "wallet 1000, processor 941, fees 59"),
        ("refund", "Disputed", "processor -59, fees 59"),
    ] {
        check(&format!(
            "
            warnings lead to {setting}
            save 1000
            pay
            settle   | Paid
            rule 1 1000 9000
            top      | 0 On 0
            warn
            settle   | Paid
            payer    | customer true, method true, top-ups {top_up}
            books    | {books}
            top      | 0 {top_up} 0
            "
        ))
        .await;
    }
}

#[tokio::test]
async fn what_nobody_told_us_is_found_by_reconciliation() {
    check(
        "
        buy 1000
        pay
        refund 400 succeeded
        reconcile  | 2 events, 0 orders, 2 of 2 movements, 0 in suspense, 0 failures, 0 differ
        books      | wallet 600, processor 541, fees 59
        reconcile  | 0 events, 0 orders, 0 of 0 movements, 0 in suspense, 0 failures, 0 differ
        told       | Paid { debt_settled: NanoUsd(0) }, Refunded { minor: 400, credits: NanoUsd(4000000000), debt: NanoUsd(0) }
    ",
    )
    .await;
}

#[tokio::test]
async fn a_balance_is_topped_up_once_at_a_time_and_within_the_months_maximum() {
    check(
        "
        rule 500 1000 2500    | no payment method is saved; buy credits once with the method saved, then turn top-ups on
        save 1000
        pay
        settle                | Paid
        rule 500 1000 999     | the monthly maximum is below one top-up with its fee, 1000 minor units; raise it
        rule 500 1000 2500
        top                   | 0 On 0
        spend 600
        top                   | 1 On 1000
        top                   | 0 On 1000
        spend 1000
        top                   | 1 On 2000
        spend 1000
        top                   | 0 On 2000
        wait 60000
        top                   | 1 On 1000
        told                  | Paid { debt_settled: NanoUsd(0) }, Paid { debt_settled: NanoUsd(0) }, Paid { debt_settled: NanoUsd(0) }, Paid { debt_settled: NanoUsd(0) }
    ",
    )
    .await;
}

#[tokio::test]
async fn a_refused_top_up_ends_them_and_the_person_is_told_why() {
    for (method, state, notice) in [
        ("pm_card_chargeDeclined", "Declined", "TopUpDeclined"),
        ("pm_card_authenticationRequired", "ActionRequired", "TopUpNeedsConfirmation"),
    ] {
        check(&format!(
            "
            save 1000
            pay
            settle             | Paid
            rule 5000 1000 9000
            method {method}
            top                | 0 {state} 0
            top                | 0 {state} 0
            told               | Paid {{ debt_settled: NanoUsd(0) }}, {notice}
            "
        ))
        .await;
    }
}

#[tokio::test]
async fn a_dispute_ends_top_ups() {
    check(
        "
        save 1000
        pay
        settle                  | Paid
        rule 5000 1000 9000
        dispute 1000 inquiry
        settle                  | Paid
        top                     | 0 Disputed 0
    ",
    )
    .await;
}

#[tokio::test]
async fn a_person_has_a_few_open_orders_and_the_same_again_is_the_same() {
    check(
        "
        buy 1000
        buy 1000
        buy 1100
        buy 1200
        buy 1300   | 3 purchases wait to be paid; pay one of them, or wait until they expire
        buy 1200
        expire
        settle     | Expired
        buy 1300
    ",
    )
    .await;
}

#[tokio::test]
async fn another_currency_is_met_by_the_exchange() {
    check(
        "
        buy 1000 eur
        pay
        settle   | Paid
        books    | wallet 1000, processor 941, fees 59, exchange 1000
    ",
    )
    .await;
}

#[tokio::test]
async fn an_event_whose_payment_could_not_be_read_is_heeded_by_the_next_walk() {
    check(
        "
        buy 1000
        pay
        settle     | Paid
        reconcile  | 1 events, 0 orders, 0 of 1 movements, 0 in suspense, 0 failures, 0 differ
        warn
        reads fail
        reconcile  | 1 events, 0 orders, 0 of 0 movements, 0 in suspense, 1 failures, 0 differ
        books      | wallet 1000, processor 941, fees 59
        reads work
        reconcile  | 1 events, 0 orders, 1 of 1 movements, 0 in suspense, 0 failures, 0 differ
        books      | processor -59, fees 59
    ",
    )
    .await;
}
