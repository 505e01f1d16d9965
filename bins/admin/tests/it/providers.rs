//! The bills of providers, as the tool reads, imports and shows them.

use crate::fixture::{Access, Fixture};
use crate::reads::{charge, record};
use opencredits_ledger::Ledger;
use opencredits_testkit::bills::{BillForm, BilledItem, BillingDouble};
use opencredits_units::UnixMs;
use serde_json::{Value, json};

/// Two days before the clock of the fixture: the latest complete day.
const DAY: u64 = 20_715;

/// Requests for 0.4 dollars, a gateway, and the report of the vendor that served them.
fn past() -> (Fixture, BillingDouble) {
    let mut fixture = Fixture::new(Access::Files);
    fixture.person("Ada", "500");
    let key = fixture.json(&["key", "add", "Ada"])["record"]["id"].as_str().unwrap().to_owned();
    let wallet = fixture.json(&["user", "list"])["users"][0]["wallet"].as_str().unwrap().to_owned();
    let ledger = Ledger::open(fixture.dir.join("ledger.db")).unwrap();
    let at = UnixMs::new(DAY * UnixMs::DAY_MS);
    charge(&ledger, at, &wallet, &wallet, &record(&key, "maker/large", 100_000, 0));
    drop(ledger);
    let double = BillingDouble::start(BillForm::Costs).unwrap();
    fixture.start_gateway(&double.vendor_toml("vendor"));
    (fixture, double)
}

fn billed(double: &BillingDouble, usd: &str) {
    double.set_bill(vec![BilledItem::new(DAY, "large-2026-01-01", "output", usd, 0)]);
}

#[test]
fn a_bill_that_agrees_is_a_success_and_one_that_differs_is_a_failure_with_its_figures() {
    let (fixture, double) = past();
    billed(&double, "0.4");
    let text = fixture.text(&["provider", "reconcile"]);
    assert!(text.starts_with("2026-09-19, UTC") && text.ends_with("the bills agree with what was booked\n"), "{text}");
    billed(&double, "0.412");
    let agreed = fixture.text(&["provider", "report", "vendor", "--day", "2026-09-19"]);
    assert_eq!(agreed, text, "a report asks nobody");
    let output = fixture.run(&["provider", "reconcile", "vendor", "--month", "2026-09"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success(), "{text}");
    let words: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let row = ["vendor", "large", "output", "100000", "-", "0.4", "0.412", "0.012", "2.91", "DIFFERS"];
    assert!(words.contains(&row.to_vec()), "{text}");
    assert!(words.contains(&vec!["vendor", "19", "0.4", "0.412", "0.012", "2.91", "DIFFERS"]), "{text}");
    assert!(text.contains("differ by more than 1.00 % and $0.01"), "{text}");
    let output = fixture.run(&["--json", "provider", "report", "--day", "2026-09-19"]);
    assert!(!output.status.success());
    let reply: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = &reply["report"]["rows"][0];
    assert_eq!(
        (&reply["report"]["agrees"], &row["class"], &row["beyond"]),
        (&json!(false), &json!("output"), &json!(true))
    );
    assert_eq!(
        (&row["ours_usd"], &row["difference_bps"], &row["known_to"]),
        (&json!("0.4"), &json!(291), &json!("both"))
    );
}

#[test]
fn a_bill_is_imported_from_a_file_and_again_replaces_its_days() {
    let (fixture, _double) = past();
    let file = fixture.dir.join("costs.csv");
    std::fs::write(&file, "Date,Cost\n2026-09-19,0.4\n2026-09-18,0\n").unwrap();
    let file = file.to_str().unwrap();
    let import = ["provider", "import", "vendor", file, "--day-column", "Date", "--amount-column", "Cost"];
    let days = |reply: &Value| {
        let days = reply["days"].as_array().unwrap().iter();
        days.map(|day| (day["day"].clone(), day["amount_usd"].clone(), day["replaced"].clone())).collect::<Vec<_>>()
    };
    let day = |name: &str, usd: &str, replaced: bool| (json!(name), json!(usd), json!(replaced));
    let reply = fixture.json(&import);
    assert_eq!(days(&reply), [day("2026-09-18", "0", false), day("2026-09-19", "0.4", false)]);
    assert_eq!(days(&fixture.json(&import)), [day("2026-09-18", "0", true), day("2026-09-19", "0.4", true)]);
    let text = fixture.text(&["provider", "report", "vendor"]);
    assert!(text.contains("-      all") && text.contains("the bills agree"), "{text}");
    let error = fixture.error(&["provider", "import", "vendor", file]);
    assert!(error.contains("line 1: there is no column day; name it with --day-column"), "{error}");
    let large = fixture.dir.join("large.csv");
    let row = "2026-09-19,a-model-with-a-name,input,123456,0.000123\n";
    std::fs::write(&large, format!("day,model,class,tokens,amount\n{}", row.repeat(15_000))).unwrap();
    let reply = fixture.json(&["provider", "import", "vendor", large.to_str().unwrap()]);
    assert_eq!(days(&reply), [day("2026-09-19", "1.845", true)], "most of a megabyte goes over the socket");
    std::fs::write(&large, row.repeat(40_000)).unwrap();
    let error = fixture.error(&["provider", "import", "vendor", large.to_str().unwrap()]);
    assert!(error.contains("larger than 1 MiB"), "{error}");
}

#[test]
fn what_cannot_be_asked_is_refused_with_its_remedy() {
    let (fixture, _double) = past();
    let check = |arguments: &[&str], expect: &str| {
        let error = fixture.error(&[&["provider"], arguments].concat());
        assert!(error.contains(expect), "{arguments:?}: {error}");
    };
    check(&["reconcile", "nobody"], "no vendor nobody");
    check(&["report", "--day", "today"], "today is no day; write it as 2026-11-30");
    check(&["report", "--month", "September"], "September is no month; write it as 2026-11");
    check(&["report", "--day", "2026-09-20"], "not complete yet");
    check(&["import", "vendor", "/nowhere.csv"], "cannot use /nowhere.csv");
    let without = Fixture::new(Access::Files);
    without.text(&["user", "add", "Ada"]);
    let error = without.error(&["provider", "report"]);
    assert!(error.contains("start it, and ask without --test"), "{error}");
}
