//! Public bugs of other credit systems, by repository and number, as far as they are about the books. Those about reading
//! the processor are in the crate `billing`.

use super::check;

/// elizaOS/eliza#10963: a clawback beyond the balance was clamped, and the rest forgotten.
#[tokio::test]
async fn eliza_10963_what_a_clawback_cannot_collect_is_a_debt() {
    check(
        "
        buy 1000
        pay
        settle                | Paid
        spend 900
        refund 1000 succeeded
        settle                | Paid
        books                 | debt 900, processor -59, fees 59
        buy 1000
        pay
        settle                | Paid
        books                 | wallet 100, processor 882, fees 118
    ",
    )
    .await;
}

/// Ixotic27/The-Leetcode-City#338: with two open purchases of one person, the paid one was not found.
#[tokio::test]
async fn leetcode_city_338_of_two_open_purchases_the_paid_one_counts() {
    check(
        "
        buy 1100
        buy 1000
        pay
        settle     | Paid
        books      | wallet 1000, processor 941, fees 59
        reconcile  | 1 events, 1 orders, 0 of 1 movements, 0 in suspense, 0 failures, 0 differ
        books      | wallet 1000, processor 941, fees 59
    ",
    )
    .await;
}
