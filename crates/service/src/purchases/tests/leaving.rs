//! Purchases of people who are restricted, leaving or gone.

use super::{Run, check};
use opencredits_store::{PrivacyState, PrivacyStates as _};

impl Run {
    pub(super) async fn privacy_step(&self, step: &str) -> String {
        let now = self.purchases.now();
        let user = self.user.id;
        let state = match step {
            "restrict" => PrivacyState { restricted_at: Some(now), ..PrivacyState::default() },
            "leave" => PrivacyState { deletion_due_at: Some(now), ..PrivacyState::default() },
            "stay" => PrivacyState::default(),
            _ => {
                self.purchases.forget_person(user).await.unwrap();
                self.store.erase(user, now).await.unwrap();
                return String::new();
            }
        };
        self.store.set_privacy(user, &state).await.unwrap();
        String::new()
    }

    pub(super) async fn payer_line(&self) -> String {
        match self.purchases.payer(self.user.id).await.unwrap() {
            Some(payer) => format!(
                "customer {}, method {}, top-ups {:?}",
                payer.customer.is_some(),
                payer.method.is_some(),
                payer.top_up
            ),
            None => "nothing".to_owned(),
        }
    }
}

#[tokio::test]
async fn promise_12_a_refund_after_a_deletion_finds_the_account_and_brings_nothing_back_of_the_person() {
    check(
        "
        save 1000
        pay
        settle                | Paid
        payer                 | customer true, method true, top-ups Off
        spend 400
        erase
        payer                 | nothing
        refund 1000 succeeded
        settle                | Paid
        books                 | debt 400, processor -59, fees 59
        payer                 | nothing
        told                  | Paid { debt_settled: NanoUsd(0) }, Refunded { minor: 1000, credits: NanoUsd(6000000000), debt: NanoUsd(4000000000) }
        reconcile             | 2 events, 0 orders, 0 of 2 movements, 0 in suspense, 0 failures, 0 differ
    ",
    )
    .await;
}

#[tokio::test]
async fn promise_12_a_dispute_after_a_deletion_is_booked_on_the_account() {
    check(
        "
        buy 1000
        pay
        settle                      | Paid
        erase
        dispute 1000 needs_response
        settle                      | Paid
        books                       | frozen 1000, processor -1559, fees 1559, disputed 1000
        dispute 1000 won
        settle                      | Paid
        books                       | wallet 1000, processor -559, fees 1559
    ",
    )
    .await;
}

#[tokio::test]
async fn who_is_restricted_or_leaving_buys_nothing_and_is_not_topped_up() {
    check(
        "
        save 1000
        pay
        settle              | Paid
        rule 2000 1000 9000
        leave
        buy 1000            | this account is restricted or going to be deleted; lift that before you buy
        top                 | 0 On 0
        restrict
        buy 1000            | this account is restricted or going to be deleted; lift that before you buy
        rule 2000 1000 9000 | this account is restricted or going to be deleted; lift that before you buy
        stay
        top                 | 1 On 1000
    ",
    )
    .await;
}

#[tokio::test]
async fn a_page_that_waits_to_be_paid_ends_with_the_account() {
    check(
        "
        buy 1000
        erase
        settle  | Expired
    ",
    )
    .await;
}
