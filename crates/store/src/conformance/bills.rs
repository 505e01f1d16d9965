//! The rules of [`ProviderBills`], and of the costs in the read model.

use super::NOW;
use crate::bills::{BillSource, BilledDay, BilledLine, ProviderBills};
use crate::traits::StoreError;
use crate::usage::{Days, UsageChange, UsageModel, VendorCost};
use opencredits_units::{Bucket, CostClass, NanoUsd};

const INPUT: CostClass = CostClass::Tokens(Bucket::InputUncached);
const OUTPUT: CostClass = CostClass::Tokens(Bucket::Output);

fn cost(day: u64, vendor: &str, class: CostClass, nano: i64) -> VendorCost {
    let (vendor, model) = (vendor.to_owned(), "a/b".to_owned());
    VendorCost { day, vendor, model, class, quantity: 7, cost: NanoUsd::new(nano) }
}

fn bill(vendor: &str, day: u64, lines: &[(&str, CostClass, Option<u64>, i64)]) -> BilledDay {
    let line = |(model, class, quantity, nano): &(&str, CostClass, Option<u64>, i64)| BilledLine {
        model: (*model).to_owned(),
        class: *class,
        quantity: *quantity,
        amount: NanoUsd::new(*nano),
    };
    let lines = lines.iter().map(line).collect();
    BilledDay { vendor: vendor.to_owned(), day, source: BillSource::File, told_at: NOW, lines }
}

/// The rules of [`ProviderBills`], and of the costs in a change of [`UsageModel`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn provider_bills<S: UsageModel + ProviderBills>(store: &S) -> Result<(), StoreError> {
    costs(store).await?;
    let first = bill("v", 20, &[("m", INPUT, Some(1), 5), ("", OUTPUT, None, -3)]);
    assert!(!store.replace_bill(first.clone()).await?, "a day's first bill replaces none");
    assert!(!store.replace_bill(bill("v", 21, &[])).await?, "a day may have no lines");
    assert!(!store.replace_bill(bill("w", 20, &[("m", INPUT, None, 9)])).await?, "nor one of another vendor");
    let mut sorted = first.clone();
    sorted.lines.reverse();
    let of = |vendor: &str, from, to| store.bills(Some(vendor.to_owned()), Days { from, to });
    assert_eq!(of("v", 20, 20).await?, [sorted], "lines go by model and class");
    let second = BilledDay { source: BillSource::Report, ..bill("v", 20, &[("m", OUTPUT, None, 8)]) };
    assert!(store.replace_bill(second.clone()).await?, "a later bill of the day replaces the first");
    assert_eq!(of("v", 0, 99).await?, [second.clone(), bill("v", 21, &[])], "and nothing is left of that");
    let all = store.bills(None, Days::ALL).await?;
    assert_eq!(all.iter().map(|bill| (&*bill.vendor, bill.day)).collect::<Vec<_>>(), [("v", 20), ("v", 21), ("w", 20)]);
    let twice = bill("v", 22, &[("m", INPUT, None, 1), ("m", INPUT, None, 1)]);
    assert!(matches!(store.replace_bill(twice).await, Err(StoreError::Exists)), "a class of a model is there once");
    assert_eq!(of("v", 22, 22).await?, [], "a refused bill leaves nothing");
    Ok(())
}

async fn costs<S: UsageModel + ProviderBills>(store: &S) -> Result<(), StoreError> {
    let change = |from: u8, costs: Vec<VendorCost>| {
        let from_place = if from == 0 { vec![] } else { vec![from] };
        UsageChange { from: from_place, to: vec![from + 1], costs, ..UsageChange::default() }
    };
    let first = change(0, vec![cost(20, "v", INPUT, 5), cost(20, "v", OUTPUT, 6), cost(21, "w", INPUT, 7)]);
    assert!(store.apply(first.clone()).await?);
    assert!(!store.apply(first).await?, "what was applied is not applied again");
    assert!(store.apply(change(1, vec![cost(20, "v", INPUT, -2)])).await?);
    let all = store.vendor_costs(None, Days::ALL).await?;
    let together = VendorCost { quantity: 14, ..cost(20, "v", INPUT, 3) };
    assert_eq!(all, [together, cost(20, "v", OUTPUT, 6), cost(21, "w", INPUT, 7)], "costs of a class are added up");
    let of_w = store.vendor_costs(Some("w".to_owned()), Days { from: 0, to: 20 }).await?;
    assert_eq!(of_w, [], "a vendor has its own days");
    assert!(store.apply(UsageChange { restart: true, ..change(2, vec![cost(1, "v", INPUT, 1)]) }).await?);
    assert_eq!(
        store.vendor_costs(None, Days::ALL).await?,
        [cost(1, "v", INPUT, 1)],
        "a model made anew has no old costs"
    );
    Ok(())
}
