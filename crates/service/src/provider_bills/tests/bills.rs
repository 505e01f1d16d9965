//! What a comparison finds.

use super::fixture::{DAY, House, priced, record, usd};
use crate::provider_bills::{BillColumns, KnownTo, ReconcileError};
use crate::record::{GenerationRecord, Line, SideBill};
use crate::telemetry::Samples;
use crate::telemetry::families::{DRIFT_RATIO, DRIFT_USD};
use opencredits_catalog::Item;
use opencredits_providers::BillingReportKind;
use opencredits_store::{Days, ProviderBills, UsageBy, UsageFilter, UsageOf, UsageOrder, UsageQuery};
use opencredits_testkit::bills::{BillForm, BilledItem};
use opencredits_units::{Bucket, CostClass, NanoUsd, Rate, Tokens, ToolUse};

const FORMS: [BillForm; 2] = [BillForm::Costs, BillForm::Usage];
const ONE_DAY: Days = Days { from: DAY, to: DAY };

/// Requests of two models, of which one is billed under a dated name.
fn requests(house: &mut House) -> Vec<BilledItem> {
    let (large, small) = ([1_000_000, 3_000_000, 70_001, 30_000], [20_003, 0, 5_001, 0]);
    for _ in 0..10 {
        house.charge(DAY, ("v", "maker/large"), large.map(|count| count / 10));
    }
    house.charge(DAY, ("v", "maker/small"), small);
    house.charge(DAY + 1, ("v", "maker/small"), small);
    let billed = [1_000_000, 3_000_000, 70_000, 30_000];
    [house.items(DAY, "large-2026-02-02", billed), house.items(DAY, "small", small)].concat()
}

#[tokio::test]
async fn a_bill_of_exactly_what_was_booked_does_not_differ() {
    for form in FORMS {
        let mut house = House::new(form).await;
        let bill = requests(&mut house);
        house.double.set_bill(bill);
        let report = house.reconcile_day().await;
        assert_eq!((report.failures.len(), report.rows.len()), (0, 5), "{report:?}");
        assert!(report.rows.iter().all(|row| row.difference.amount.get().abs() <= 20), "{report:?}");
        assert!(!report.is_beyond());
        let total = &report.totals[0];
        assert_eq!((total.vendor.as_str(), total.days), ("v", 1));
        assert!(total.difference.ours.get() > 2_000_000_000 && total.difference.amount.get().abs() <= 20, "{total:?}");
        let quantities: Vec<_> = report.rows.iter().map(|row| (row.our_quantity, row.their_quantity)).collect();
        let tells = form == BillForm::Usage;
        assert!(
            quantities.iter().all(|(ours, theirs)| if tells { ours == theirs } else { theirs.is_none() }),
            "{report:?}"
        );
        assert_eq!(report.rows[0].key.model, "large", "names are those at the vendor, without a date");
    }
}

#[tokio::test]
async fn a_class_that_is_billed_three_percent_higher_is_the_one_that_drifts() {
    for form in FORMS {
        let mut house = House::new(form).await;
        let mut bill = requests(&mut house);
        // The cached input of the large model: $0.375, and three percent more.
        assert_eq!(bill[1].usd, "0.375");
        bill[1].usd = "0.38625".to_owned();
        house.double.set_bill(bill);
        let report = house.reconcile_day().await;
        let beyond: Vec<_> = report.rows.iter().filter(|row| row.beyond).collect();
        assert_eq!(beyond.len(), 1, "{report:?}");
        assert_eq!((&*beyond[0].key.model, beyond[0].key.class), ("large", CostClass::Tokens(Bucket::CacheRead)));
        let difference = beyond[0].difference;
        assert_eq!((difference.amount.get() / 1_000, difference.bps), (11_250, 291), "{difference:?}");
        assert_eq!(beyond[0].known_to, KnownTo::Both);
        assert!(report.is_beyond());
    }
}

#[tokio::test]
async fn costs_by_class_sum_up_to_the_booked_cost_and_a_model_made_anew_has_them_again() {
    let mut house = House::new(BillForm::Costs).await;
    for n in 1..200 {
        house.charge(DAY, ("v", "maker/large"), [n * 7 % 31, n * 3 % 5, n % 11, n % 3]);
    }
    // A part on another model, a tool, and an estimate that was kept within its hold.
    let side = SideBill {
        model: "maker/small".to_owned(),
        lines: vec![Line::new(Item::Tokens(Bucket::Output), Tokens::new(333), Rate::new(1_000_001))],
    };
    let searched = Line::new(Item::Uses(ToolUse::WebSearch), Tokens::new(2), Rate::new(10_000_000_000));
    let mut odd = GenerationRecord { side_bills: vec![side], ..record("v", "maker/large", [5, 5, 5, 5]) };
    odd.lines.push(searched);
    let odd = priced(odd);
    house.book(DAY, &odd);
    let kept = GenerationRecord { cost: NanoUsd::new(odd.cost.get() - 1_234), ..odd };
    house.book(DAY, &kept);
    let usage = &house.reconciliation.usage;
    let by = UsageQuery {
        filter: UsageFilter::of(UsageOf::All),
        days: Days::ALL,
        by: vec![UsageBy::Day],
        order: UsageOrder::Newest,
        max: 9,
    };
    let mut before = None;
    for _ in 0..2 {
        usage.refresh().await.unwrap();
        let costs = house.store.vendor_costs(None, Days::ALL).await.unwrap();
        let booked = usage.sums(by.clone()).await.unwrap()[0].sums.cost;
        assert_eq!(costs.iter().map(|cost| cost.cost.get()).sum::<i64>(), booked.get());
        let of =
            |class| costs.iter().filter(move |cost| cost.class == class).map(|cost| (cost.quantity, cost.cost.get()));
        assert_eq!(of(CostClass::Uses(ToolUse::WebSearch)).collect::<Vec<_>>(), [(4, 40_000_000)]);
        assert_eq!(of(CostClass::Other).collect::<Vec<_>>(), [(0, -1_234)], "what was booked otherwise");
        assert_eq!(costs.iter().filter(|cost| cost.model == "maker/small").map(|cost| cost.quantity).sum::<u64>(), 666);
        assert_eq!(before.take().unwrap_or_else(|| costs.clone()), costs, "a model made anew is the same");
        before = Some(costs);
        use opencredits_store::{UsageChange, UsageModel};
        let from = house.store.place().await.unwrap();
        assert!(house.store.apply(UsageChange { from, to: vec![99], ..UsageChange::default() }).await.unwrap());
    }
}

#[tokio::test]
async fn a_model_that_one_side_knows_and_days_without_a_bill_are_named() {
    let mut house = House::new(BillForm::Costs).await;
    house.charge(DAY, ("v", "maker/small"), [0, 0, 100_000, 0]);
    house.charge(DAY, ("by-file", "maker/small"), [0, 0, 100, 0]);
    house.double.set_bill(vec![BilledItem::new(DAY, "foreign", "output", "2", 0)]);
    let report = house.reconcile_day().await;
    let rows: Vec<_> = report.rows.iter().map(|row| (&*row.key.model, row.known_to, row.beyond)).collect();
    assert_eq!(rows, [("foreign", KnownTo::Provider, true), ("small", KnownTo::Us, true)]);
    let not_billed: Vec<_> = report.not_billed.iter().map(|cost| (&*cost.vendor, cost.days, cost.ours.get())).collect();
    assert_eq!(not_billed, [("by-file", 1, 1_000_000)]);
}

#[tokio::test]
async fn a_fee_without_a_model_and_a_model_without_classes_are_compared_with_what_they_are_of() {
    let mut house = House::new(BillForm::Costs).await;
    let mut searched = record("v", "maker/small", [8_000, 0, 2_000, 0]);
    searched.lines.push(Line::new(Item::Uses(ToolUse::WebSearch), Tokens::new(3), Rate::new(10_000_000_000)));
    house.book(DAY, &priced(searched));
    house.charge(DAY, ("v", "maker/large"), [4_000, 0, 500, 0]);
    let mut bill = house.items(DAY, "large", [4_000, 0, 500, 0]);
    bill.push(BilledItem::new(DAY, "small", "", &usd(8_000 * 1_250_000 + 2_000 * 10_000_000), 0));
    bill.push(BilledItem::new(DAY, "", "web search tool calls", "0.03", 0));
    house.double.set_bill(bill);
    let report = house.reconcile_day().await;
    let rows: Vec<_> = report.rows.iter().map(|row| (&*row.key.model, row.key.class.name())).collect();
    let expect = [("", "web_search"), ("large", "input"), ("large", "output"), ("small", "all")];
    assert_eq!(rows, expect);
    assert!(report.rows.iter().all(|row| row.difference.amount == NanoUsd::ZERO), "{report:?}");
}

#[tokio::test]
async fn an_empty_day_is_a_bill_of_nothing_and_amounts_may_have_many_places() {
    for form in FORMS {
        let house = House::new(form).await;
        let report = house.reconcile_day().await;
        assert_eq!((report.rows.len(), report.totals[0].days, report.is_beyond()), (0, 1, false), "{report:?}");
        let name = if form == BillForm::Costs { "output" } else { "output_tokens" };
        let long = "0.00000012340000000000000000000000000000049";
        house.double.set_bill(vec![BilledItem::new(DAY, "m", name, long, 1), BilledItem::new(DAY, "m", name, "5", 1)]);
        let report = house.reconcile_day().await;
        assert_eq!(report.rows[0].difference.theirs.to_string(), "5.000000123", "{form:?}");
    }
}

#[tokio::test]
async fn days_are_read_in_pages_and_compared_together() {
    for form in FORMS {
        let mut house = House::new(form).await;
        let mut bill = Vec::new();
        let counts = [10_000, 0, 2_000, 0];
        for day in DAY - 39..=DAY {
            house.charge(day, ("v", "maker/small"), counts);
            bill.extend(house.items(day, "small", counts));
        }
        house.double.set_bill(bill);
        house.double.set_page_days(9);
        let days = Days { from: DAY - 39, to: DAY + 5 };
        let report = house.reconciliation.reconcile(Some("v"), days).await.unwrap();
        assert_eq!((report.from, report.to), (DAY - 39, DAY), "days that are not complete are left out");
        assert_eq!((report.totals[0].days, report.rows.len(), report.is_beyond()), (40, 2, false), "{report:?}");
        assert_eq!(report.rows[0].difference.ours.get(), 40 * 12_500_000);
        // 31 days in four pages and 9 in one, for each part.
        let requests = house.double.take_requests();
        assert_eq!(requests.len(), if form == BillForm::Costs { 5 } else { 10 });
        assert!(requests.iter().all(|request| request.status == 200), "{requests:?}");
        let stored = house.reconciliation.report(None, days).await.unwrap();
        assert_eq!(stored, report, "what is stored compares the same");
        assert!(house.double.take_requests().is_empty(), "and asks nobody");
    }
}

#[tokio::test]
async fn a_day_that_is_not_complete_is_not_compared() {
    let house = House::new(BillForm::Costs).await;
    assert_eq!(house.reconciliation.latest_day(), Some(DAY));
    let error = house.reconciliation.reconcile_day(DAY + 1).await.unwrap_err().to_string();
    assert!(error.contains("2026-09-22") && error.contains("lag_days"), "{error}");
    assert!(house.double.take_requests().is_empty());
    let long = Days { from: DAY - 400, to: DAY };
    assert!(matches!(house.reconciliation.report(None, long).await, Err(ReconcileError::Days { .. })));
}

#[tokio::test]
async fn a_file_is_a_bill_too_and_importing_it_again_replaces_its_days() {
    let mut house = House::new(BillForm::Costs).await;
    house.charge(DAY, ("by-file", "maker/small"), [10_000, 0, 50_000, 50_000]);
    let import = async |file: &str| {
        let days = house.reconciliation.import("by-file", file, &BillColumns::default()).await.unwrap();
        days.iter().map(|day| (day.day, day.lines, day.amount.to_string(), day.replaced)).collect::<Vec<_>>()
    };
    let file =
        "day,model,class,tokens,amount\n2026-09-21,small,input,10000,0.0125\n2026-09-21,small,output,100000,1.0\n";
    assert_eq!(import(file).await, [(DAY, 2, "1.0125".to_owned(), false)]);
    assert_eq!(import(file).await, [(DAY, 2, "1.0125".to_owned(), true)]);
    let report = house.reconciliation.reconcile(Some("by-file"), ONE_DAY).await.unwrap();
    assert_eq!((report.rows.len(), report.totals[0].difference.amount.get()), (2, 0), "{report:?}");
    assert_eq!(import("day,amount\n2026-09-21,1.2\n").await, [(DAY, 1, "1.2".to_owned(), true)]);
    let report = house.reconciliation.report(Some("by-file"), ONE_DAY).await.unwrap();
    assert_eq!((report.rows.len(), report.rows[0].key.class, report.is_beyond()), (1, CostClass::All, true));
    assert_eq!(report.rows[0].difference.amount.to_string(), "0.1875");
    let refused = async |vendor: &str, file: &str| {
        house.reconciliation.import(vendor, file, &BillColumns::default()).await.unwrap_err().to_string()
    };
    assert!(refused("nobody", file).await.starts_with("no vendor nobody"));
    assert!(refused("by-file", "day,amount\n2026-12-01,1\n").await.contains("in the future"));
    assert!(refused("by-file", "day,amount\n2026-09-20,1\n2026-09-21,x\n").await.starts_with("line 3: "));
    let kept = house.store.bills(Some("by-file".to_owned()), Days::ALL).await.unwrap();
    assert_eq!(kept.len(), 1, "a file with a mistake changes nothing");
}

/// The figures of metrics and alarms now.
fn figures(house: &House) -> Samples {
    let mut samples = Samples::default();
    house.reconciliation.sample(&mut samples);
    samples
}

#[tokio::test]
async fn the_drift_of_the_day_that_was_compared_last_is_a_figure_and_what_is_gone_from_the_bill_is_none() {
    let mut house = House::new(BillForm::Costs).await;
    house.charge(DAY, ("v", "maker/small"), [0, 0, 100_000, 0]);
    house.double.set_bill(vec![
        BilledItem::new(DAY, "small", "output", "1.25", 0),
        BilledItem::new(DAY, "foreign", "input", "2", 0),
    ]);
    house.reconcile_day().await;
    let found = figures(&house);
    assert_eq!(found.of(&DRIFT_USD).count(), 2, "{found:?}");
    let check = |found: &Samples, model, class, expect: Option<(f64, f64)>| {
        let labels = ["v", model, class];
        let figures = found.value(&DRIFT_USD, &labels).zip(found.value(&DRIFT_RATIO, &labels));
        assert_eq!(figures, expect, "{model}");
    };
    check(&found, "small", "output", Some((0.25, 0.2)));
    check(&found, "foreign", "input", Some((2.0, 1.0)));
    house.double.set_bill(vec![BilledItem::new(DAY, "small", "output", "1", 0)]);
    house.reconcile_day().await;
    let found = figures(&house);
    check(&found, "small", "output", Some((0.0, 0.0)));
    check(&found, "foreign", "input", None);
}

#[test]
fn the_compiled_in_vendors_have_a_report_of_each_form() {
    let vendors = opencredits_providers::Vendors::builtin().unwrap();
    let reports: Vec<_> = vendors.iter().filter_map(|vendor| vendor.billing_report.as_ref()).collect();
    for kind in [BillingReportKind::CostsApi, BillingReportKind::UsageReport] {
        assert!(reports.iter().any(|report| report.kind == kind && !report.classes.is_empty()), "{kind:?}");
    }
}
