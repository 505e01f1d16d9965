//! A vendor that fails, refuses, or tells nonsense.

use super::fixture::{DAY, House};
use opencredits_store::{Days, ProviderBills};
use opencredits_testkit::bills::{BillFault, BillForm, BilledItem};
use std::time::Duration;
use tokio::time::Instant;

const ONE_DAY: Days = Days { from: DAY, to: DAY };

async fn stored(house: &House) -> usize {
    house.store.bills(None, Days::ALL).await.unwrap().len()
}

#[tokio::test]
async fn a_page_that_fails_is_asked_for_again_and_a_wait_that_is_asked_for_is_kept() {
    for form in [BillForm::Costs, BillForm::Usage] {
        let house = House::new(form).await;
        house.double.fail_next(1, BillFault::Unavailable);
        house.double.fail_next(1, BillFault::TooMany { retry_after_s: 1 });
        house.double.fail_next(1, BillFault::Closed);
        let begin = Instant::now();
        let report = house.reconciliation.reconcile(Some("v"), ONE_DAY).await.unwrap();
        assert!(begin.elapsed() >= Duration::from_secs(1));
        assert_eq!(report.totals[0].days, 1);
        let statuses: Vec<_> = house.double.take_requests().iter().map(|request| request.status).collect();
        assert_eq!(statuses[..4], [503, 429, 0, 200]);
    }
}

#[tokio::test]
async fn a_vendor_that_goes_on_failing_is_given_up_and_nothing_is_stored() {
    let check = async |count, fault, requests: usize, expect: &str| {
        let house = House::new(BillForm::Costs).await;
        house.double.set_bill(vec![BilledItem::new(DAY, "m", "input", "1", 0)]);
        house.double.fail_next(count, fault);
        let error = house.reconciliation.reconcile(Some("v"), ONE_DAY).await.unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
        assert_eq!((house.double.take_requests().len(), stored(&house).await), (requests, 0), "{fault:?}");
    };
    check(9, BillFault::Unavailable, 4, "v answered 503").await;
    check(9, BillFault::TooMany { retry_after_s: 0 }, 4, "v answered 429").await;
    check(1, BillFault::TooMany { retry_after_s: 3 }, 1, "v answered 429").await;
    check(9, BillFault::Closed, 4, "v did not tell its bill").await;
    check(1, BillFault::Broken, 1, "page 1 of the bill of v cannot be read: it is not of the form").await;
    check(1, BillFault::NoCursor, 1, "does not say where").await;
    check(1, BillFault::DayMissing, 1, "a day is missing").await;
    check(1, BillFault::Euro, 1, "another currency than US dollars").await;
}

#[tokio::test]
async fn a_later_page_that_is_broken_is_named_and_no_day_of_the_span_is_stored() {
    let house = House::new(BillForm::Usage).await;
    house.double.set_page_days(1);
    // The first of three pages is whole.
    let days = Days { from: DAY - 2, to: DAY };
    house.double.fail_next(1, BillFault::Unavailable);
    house.double.fail_next(1, BillFault::TooMany { retry_after_s: 0 });
    assert!(house.reconciliation.reconcile(Some("v"), days).await.is_ok());
    assert_eq!(stored(&house).await, 3);
    house.double.set_bill(vec![BilledItem::new(DAY - 1, "m", "output_tokens", "no number", 1)]);
    let error = house.reconciliation.reconcile(Some("v"), days).await.unwrap_err().to_string();
    assert!(error.starts_with("page 2 of the bill of v cannot be read: an amount is no decimal number"), "{error}");
    let kept = house.store.bills(None, Days::ALL).await.unwrap();
    assert!(kept.iter().all(|bill| bill.lines.is_empty()), "what was told before stays");
}

#[tokio::test]
async fn a_wrong_key_is_refused_once_and_its_variable_is_named() {
    for form in [BillForm::Costs, BillForm::Usage] {
        let house = House::with_key(form, "an-ordinary-key").await;
        let error = house.reconciliation.reconcile(Some("v"), ONE_DAY).await.unwrap_err().to_string();
        assert!(error.contains("v answered 401") && error.contains("ADMIN_KEY"), "{error}");
        assert!(!error.contains("an-ordinary-key"), "{error}");
        assert_eq!(house.double.take_requests().len(), 1);
    }
}

#[tokio::test]
async fn a_named_vendor_without_a_bill_says_what_it_needs() {
    let house = House::new(BillForm::Costs).await;
    let check = async |vendor: &str, expect: &str| {
        let error = house.reconciliation.reconcile(Some(vendor), ONE_DAY).await.unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    check("nobody", "no vendor nobody").await;
    check("away", "set AWAY_KEY").await;
    check("by-file", "provider import").await;
    let error = house.reconciliation.report(Some("nobody"), ONE_DAY).await.unwrap_err().to_string();
    assert!(error.contains("no vendor nobody"), "{error}");
}

#[tokio::test]
async fn a_vendor_that_is_away_does_not_keep_the_others_from_being_compared() {
    let mut house = House::with_one_away(BillForm::Costs).await;
    let counts = [1_000, 0, 100, 0];
    house.charge(DAY, ("v", "maker/small"), counts);
    house.double.set_bill(house.items(DAY, "small", counts));
    let report = house.reconcile_day().await;
    assert_eq!((report.rows.len(), report.totals.len(), report.is_beyond()), (2, 1, false), "{report:?}");
    assert_eq!(report.failures.len(), 1);
    assert_eq!(report.failures[0].vendor, "away");
    assert!(report.failures[0].problem.contains("cannot connect"), "{report:?}");
}
