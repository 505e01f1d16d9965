//! Commission follows the credits that paid for it.

use super::{Run, check, partner};
use crate::partners::{SpendingChange, SpentCredits};
use crate::purchases::booking::minor;

#[tokio::test]
async fn commission_on_spent_credits_that_are_refunded_is_taken_back() {
    check(
        "
        buy 1000
        pay
        settle               | Paid
        earn 500 100
        refund 1000 succeeded
        settle               | Paid
        books                | debt 500, processor -59, fees 59
        earned               | has 0, owes 0, revenue 100
    ",
    )
    .await;
}

#[tokio::test]
async fn commission_on_credits_that_were_not_spent_yet_stays() {
    check(
        "
        buy 1000
        pay
        settle               | Paid
        earn 500 100
        refund 500 succeeded
        settle               | Paid
        books                | processor 441, fees 59
        earned               | has 100, owes 0, revenue 0
    ",
    )
    .await;
}

#[tokio::test]
async fn a_part_that_is_owed_takes_the_same_part_of_the_commission() {
    check(
        "
        buy 1000
        pay
        settle               | Paid
        earn 800 200
        refund 600 succeeded
        settle               | Paid
        books                | debt 400, processor 341, fees 59
        earned               | has 100, owes 0, revenue 100
        refund 400 succeeded
        settle               | Paid
        earned               | has 0, owes 0, revenue 200
    ",
    )
    .await;
}

#[tokio::test]
async fn spending_without_an_app_takes_its_part_of_what_is_owed() {
    check(
        "
        buy 1000
        pay
        settle               | Paid
        earn 400 100
        earn 400 0
        refund 600 succeeded
        settle               | Paid
        earned               | has 50, owes 0, revenue 50
    ",
    )
    .await;
}

#[tokio::test]
async fn commission_that_was_paid_out_becomes_the_partners_debt_which_later_commission_settles_first() {
    check(
        "
        buy 1000
        pay
        settle               | Paid
        earn 500 100
        pay out 80
        dispute 1000 needs_response
        settle               | Paid
        earned               | has 20, owes 0, revenue 0
        dispute 1000 lost
        settle               | Paid
        earned               | has 0, owes 80, revenue 100
        debts
        earned               | has 0, owes 80, revenue 100
        give 1500
        earn 500 50
        debts
        earned               | has 0, owes 30, revenue 100
        earn 500 50
        debts
        earned               | has 20, owes 0, revenue 100
    ",
    )
    .await;
}

#[tokio::test]
async fn a_refund_that_fails_gives_the_commission_back() {
    check(
        "
        buy 1000
        pay
        settle               | Paid
        earn 500 100
        pay out 40
        refund 1000 pending
        settle               | Paid
        earned               | has 0, owes 40, revenue 100
        refund becomes failed
        settle               | Paid
        books                | wallet 500, processor 941, fees 59
        earned               | has 60, owes 0, revenue 0
        refund 500 succeeded
        settle               | Paid
        earned               | has 60, owes 0, revenue 0
    ",
    )
    .await;
}

#[tokio::test]
async fn of_two_refunds_that_one_fails_gives_back_what_was_spent_first() {
    check(
        "
        buy 1000
        pay
        settle               | Paid
        earn 700 140
        refund 500 succeeded
        settle               | Paid
        earned               | has 100, owes 0, revenue 40
        refund 500 pending
        settle               | Paid
        earned               | has 0, owes 0, revenue 140
        refund becomes failed
        settle               | Paid
        books                | debt 200, processor 441, fees 59
        earned               | has 100, owes 0, revenue 40
    ",
    )
    .await;
}

#[tokio::test]
async fn a_debt_that_a_later_purchase_settles_gives_the_same_part_of_the_commission_back() {
    check(
        "
        buy 1000
        pay
        settle                      | Paid
        earn 500 100
        pay out 70
        dispute 1000 needs_response
        dispute 1000 lost
        settle                      | Paid
        books                       | debt 500, processor -1559, fees 1559
        earned                      | has 0, owes 70, revenue 100
        buy 200
        pay
        settle                      | Paid
        books                       | debt 300, processor -1394, fees 1594
        earned                      | has 0, owes 30, revenue 60
        buy 1000
        pay
        settle                      | Paid
        books                       | wallet 700, processor -453, fees 1653
        earned                      | has 30, owes 0, revenue 0
        refund 1000 succeeded
        settle                      | Paid
        earned                      | has 0, owes 30, revenue 60
    ",
    )
    .await;
}

#[tokio::test]
async fn two_orders_of_a_person_never_take_more_than_was_earned() {
    check(
        "
        buy 1000
        pay
        settle               | Paid
        earn 1000 200
        refund 1000 succeeded
        settle               | Paid
        earned               | has 0, owes 0, revenue 200
        buy 2000
        pay
        settle               | Paid
        books                | wallet 1000, processor 1853, fees 147
        earned               | has 200, owes 0, revenue 0
        spend 1000
        refund 2000 succeeded
        settle               | Paid
        earned               | has 0, owes 0, revenue 200
    ",
    )
    .await;
}

/// The process dies after the amounts were decided and before they were booked: what is spent meanwhile changes nothing.
#[tokio::test]
async fn what_was_decided_is_booked_as_it_was_and_once() {
    let mut run = Run::new().await;
    for line in ["buy 1000", "pay", "settle", "earn 500 100"] {
        run.line(line).await;
    }
    let order = run.purchases.order(run.order.unwrap()).await.unwrap();
    let spent = SpentCredits::Taken(minor(250).unwrap());
    let change = SpendingChange { order: order.id, booking: 7, at: run.purchases.now(), user: order.user, spent };
    let decided = run.purchases.ports.commissions.decide(change).await.unwrap();
    assert_eq!(decided.parts, [(partner().id, minor(50).unwrap())]);
    assert_eq!(run.line("earned").await, "has 100, owes 0, revenue 0", "it is decided and not booked");
    run.line("earn 400 100").await;
    for _ in 0..2 {
        let followed = run.purchases.ports.commissions.follow(change, run.purchases.now()).await.unwrap();
        assert_eq!(followed, decided);
        assert_eq!(run.line("earned").await, "has 150, owes 0, revenue 50");
    }
}
