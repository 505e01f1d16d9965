//! Commission follows the credits that paid for it.

use super::check;

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
        buy 2000
        pay
        settle               | Paid
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
        spend 1000
        refund 2000 succeeded
        settle               | Paid
        earned               | has 0, owes 0, revenue 200
    ",
    )
    .await;
}
