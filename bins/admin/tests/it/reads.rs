//! Usage, bills and the balance sheet, as the tool shows them.

use crate::fixture::{Access, Fixture};
use opencredits_catalog::{BookVersion, Item, Terms};
use opencredits_ledger::{Capture, Ledger, Leg, OnShortfall, PlaceHold};
use opencredits_providers::Dialect;
use opencredits_service::{GenerationRecord, Line, UsageSource, books};
use opencredits_units::{AccountId, BasisPoints, Bucket, EntryId, GenerationId, PicoUsd, Rate, Tokens, UnixMs};
use serde_json::{Value, json};

/// 21 September 2026, 14:13 UTC.
const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
const MARKUP: BasisPoints = BasisPoints::new(2_500);

/// A record of so many output tokens at 4 dollars a million.
pub(crate) fn record(key: &str, model: &str, tokens: u64, share: u32) -> GenerationRecord {
    let line = Line::new(Item::Tokens(Bucket::Output), Tokens::new(tokens), Rate::new(4_000_000));
    let terms = Terms { markup: MARKUP, partner_share: BasisPoints::new(share) };
    let charge = terms.charge(PicoUsd::new(i128::from(tokens) * 4_000_000)).unwrap();
    GenerationRecord {
        key: key.parse().unwrap(),
        api: Dialect::OpenaiChat,
        model: model.to_owned(),
        vendor: "vendor".to_owned(),
        upstream_id: String::new(),
        native_finish: "stop".to_owned(),
        tier: String::new(),
        price_book: BookVersion::parse("2026-07-02.1").unwrap(),
        streamed: false,
        cancelled: false,
        source: UsageSource::Reported,
        latency_ms: 1,
        duration_ms: 2,
        lines: vec![line],
        side_bills: vec![],
        markup: terms.markup,
        partner_share: terms.partner_share,
        cost: charge.cost,
        total: charge.total,
        failed_attempts: vec![],
        reported: None,
    }
}

/// Charges a request to a wallet, with the commission for an account.
pub(crate) fn charge(
    ledger: &Ledger,
    at: UnixMs,
    wallet: &str,
    earner: &str,
    record: &GenerationRecord,
) -> GenerationId {
    let id = EntryId::at(at, [u8::try_from(record.total.get() % 251).unwrap(); 10]);
    let payer = wallet.parse().unwrap();
    let expires_at = at.saturating_add_ms(1_000);
    ledger.place_hold(PlaceHold { id, payer, limits: &[], amount: record.total, expires_at }, at).unwrap().accepted();
    let parts = record.charge();
    let leg = |to, amount, on_shortfall| Leg { to, amount, on_shortfall };
    let legs = [
        leg(books::PROVIDERS, parts.cost, OnShortfall::Full),
        leg(books::REVENUE, parts.margin, OnShortfall::Proportional),
        leg(earner.parse::<AccountId>().unwrap(), parts.commission, OnShortfall::Proportional),
    ];
    let memo = record.to_memo().unwrap();
    ledger.capture(Capture { hold: id, legs: &legs, bad_debt: books::BAD_DEBT, memo: &memo }, at).unwrap().accepted();
    id.cast()
}

/// Ada has 5 dollars for nothing and requests on two days, the dearer one through an app.
struct Past {
    fixture: Fixture,
    cheap: GenerationId,
    dear: GenerationId,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn past() -> Past {
    let fixture = Fixture::new(Access::Files);
    fixture.person("Ada", "500");
    fixture.text(&["user", "add", "Bea"]);
    let app = fixture.json(&["partner", "add", "Editor", "--share-bps", "4000"])["partner"].clone();
    let key = |arguments: &[&str]| fixture.json(arguments)["record"]["id"].as_str().unwrap().to_owned();
    let (plain, through) =
        (key(&["key", "add", "Ada", "--name", "laptop"]), key(&["key", "add", "Ada", "--partner", "Editor"]));
    let users = fixture.json(&["user", "list"]);
    let wallet = text(&users["users"][0]["wallet"]);
    let ledger = Ledger::open(fixture.dir.join("ledger.db")).unwrap();
    let earnings = text(&app["earnings"]);
    let cheap = charge(&ledger, NOW, wallet, earnings, &record(&plain, "a/one", 1_000, 0));
    let next_day = NOW.saturating_add_ms(UnixMs::DAY_MS);
    let dear = charge(&ledger, next_day, wallet, earnings, &record(&through, "b/two", 100_000, 4_000));
    drop(ledger);
    Past { fixture, cheap, dear }
}

#[test]
fn usage_is_grouped_by_each_property_with_the_highest_charge_first() {
    let Past { fixture, .. } = past();
    let groups = |by: &str| {
        let reply = fixture.json(&["usage", "--by", by]);
        assert_eq!((&reply["total"]["requests"], &reply["entries_behind"]), (&json!(2), &json!(0)));
        let groups = reply["groups"].as_array().unwrap().clone();
        groups
            .iter()
            .map(|group| (group["name"].clone(), group[by].clone(), group["sums"]["charged"]["usd"].clone()))
            .collect::<Vec<_>>()
    };
    let (dear, cheap, both) = (json!("0.5"), json!("0.005"), json!("0.505"));
    assert_eq!(
        groups("day"),
        [(Value::Null, json!("2026-09-22"), dear.clone()), (Value::Null, json!("2026-09-21"), cheap.clone())]
    );
    assert_eq!(
        groups("model"),
        [(Value::Null, json!("b/two"), dear.clone()), (Value::Null, json!("a/one"), cheap.clone())]
    );
    assert_eq!(groups("vendor"), [(Value::Null, json!("vendor"), both.clone())]);
    let people = groups("person");
    assert_eq!((people.len(), &people[0].0, &people[0].2), (1, &json!("Ada"), &both));
    let partners = groups("partner");
    assert_eq!((&partners[0].0, &partners[0].2), (&json!("Editor"), &dear));
    assert_eq!((&partners[1].0, &partners[1].1, &partners[1].2), (&Value::Null, &Value::Null, &cheap));
    let keys = groups("key");
    assert_eq!((&keys[0].2, &keys[1].0), (&dear, &json!("laptop")));
}

#[test]
fn usage_is_of_the_days_that_were_asked_for_and_in_csv_too() {
    let Past { fixture, .. } = past();
    let first = fixture.text(&["usage", "--by", "model", "--from", "2026-09-21", "--to", "2026-09-21"]);
    assert!(first.contains("a/one") && !first.contains("b/two"), "{first}");
    let top = fixture.text(&["usage", "--by", "model", "--top", "1"]);
    assert!(top.contains("b/two") && !top.contains("a/one"), "{top}");
    let csv = fixture.text(&["usage", "--by", "partner", "--csv"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("partner,name,requests,") && lines[0].ends_with("commission_usd,margin_usd"), "{csv}");
    assert!(lines[1].contains(",Editor,1,") && lines[1].ends_with(",0.5,0.4,0.04,0.06"), "{csv}");
    assert!(fixture.error(&["usage", "--from", "soon"]).contains("\"soon\" is no date"));
}

#[test]
fn a_request_is_shown_with_its_bill_and_bills_are_verified() {
    let Past { fixture, cheap, dear } = past();
    let shown = fixture.text(&["generation", &dear.to_string()]);
    for part in [
        "b/two by vendor",
        "100000",
        "0.000004",
        "commission 0.04",
        "revenue",
        "adds up: 0.5 USD charged, 0.5 recomputed",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let one = fixture.json(&["bill", "verify", &cheap.to_string()]);
    assert_eq!((&one["clean"], &one["bills"][0]["recomputed_usd"]), (&json!(true), &json!("0.005")));
    let of_day = |day: &str| fixture.text(&["bill", "verify", "--all", "--day", day]);
    assert_eq!(of_day("2026-09-21"), "checked 1 bills: everything adds up\n");
    assert_eq!(of_day("2026-09-23"), "checked 0 bills: everything adds up\n");
    let nobody = GenerationId::from_bits(7).to_string();
    for command in [&["generation", &nobody][..], &["bill", "verify", &nobody]] {
        assert!(fixture.error(command).contains("no generation"), "{command:?}");
    }
}

#[test]
fn a_bill_that_does_not_add_up_fails_the_command() {
    let Past { fixture, .. } = past();
    let users = fixture.json(&["user", "list"]);
    let keys = fixture.json(&["key", "list", "Ada"]);
    let wallet = text(&users["users"][0]["wallet"]);
    let mut wrong = record(text(&keys["keys"][0]["id"]), "a/one", 2_000, 0);
    wrong.lines = vec![Line::new(Item::Tokens(Bucket::Output), Tokens::new(1_999), Rate::new(4_000_000))];
    let ledger = Ledger::open(fixture.dir.join("ledger.db")).unwrap();
    let at = NOW.saturating_add_ms(3 * UnixMs::DAY_MS);
    let earnings = text(&earnings_of_partner(&fixture)).to_owned();
    charge(&ledger, at, wallet, &earnings, &wrong);
    drop(ledger);
    let output = fixture.run(&["bill", "verify", "--all", "--day", "2026-09-24"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("does not add up: lines and markup make 0.009995 USD"), "{text}");
}

fn earnings_of_partner(fixture: &Fixture) -> Value {
    let store = rusqlite::Connection::open(fixture.dir.join("store.db")).unwrap();
    let earnings: [u8; 16] = store.query_row("SELECT earnings FROM partners", [], |row| row.get(0)).unwrap();
    json!(AccountId::from_bits(u128::from_be_bytes(earnings)))
}

#[test]
fn entries_are_those_of_a_named_account_and_of_the_days_that_were_asked_for() {
    let Past { fixture, cheap, dear } = past();
    let ids = |arguments: &[&str]| {
        let reply = fixture.json(&[&["ledger", "entries"], arguments].concat());
        reply["entries"].as_array().unwrap().iter().map(|entry| text(&entry["id"]).to_owned()).collect::<Vec<_>>()
    };
    let [cheap, dear] = [cheap, dear].map(|id| id.cast::<opencredits_units::Entry>().to_string());
    let of_ada = ids(&["--account", "Ada"]);
    assert_eq!(of_ada.len(), 3);
    assert_eq!(ids(&["--account", "revenue"]).len(), 2);
    assert_eq!(ids(&["--account", "Editor", "--to", "2026-09-22"]), std::slice::from_ref(&dear));
    assert_eq!(ids(&["--account", "Ada", "--from", "2026-09-21", "--to", "2026-09-22"]), [dear, cheap.clone()]);
    assert_eq!(ids(&["--account", "providers", "--to", "2026-09-21"]), [cheap]);
    assert!(fixture.error(&["ledger", "entries", "--account", "Zoe"]).contains("no user Zoe"));
}

#[test]
fn the_balance_sheet_balances_as_of_any_day() {
    let Past { fixture, .. } = past();
    let sheet = |arguments: &[&str]| {
        let reply = fixture.json(&[&["ledger", "report"], arguments].concat());
        assert_eq!(reply["difference_usd"], "0");
        let lines = reply["lines"].as_array().unwrap();
        let amount = |name: &str| lines.iter().find(|line| line["name"] == name).unwrap()["amount_usd"].clone();
        [
            "people's credits, promotional",
            "people's credits, paid",
            "payable to providers",
            "payable to partners",
            "revenue",
            "promotional credits given",
        ]
        .map(|name| amount(name).as_str().unwrap().to_owned())
    };
    assert_eq!(sheet(&[]), ["4.495", "0", "0.404", "0.04", "0.061", "5"]);
    // The grant is of the present, and the requests are of 2026.
    let early = sheet(&["--as-of", "2026-09-20"]);
    assert_eq!(early[2..5], ["0", "0", "0"]);
    let text = fixture.text(&["ledger", "report"]);
    assert!(text.contains("payable to partners") && text.contains("promotional ones count as spent first"), "{text}");
}

#[test]
fn a_gateway_answers_the_same_through_its_socket() {
    let fixture = Fixture::new(Access::Socket);
    fixture.person("Ada", "5");
    assert_eq!(fixture.text(&["usage"]), "there is no usage in these days\n");
    assert_eq!(
        fixture.text(&["bill", "verify", "--all", "--day", "2026-09-21"]),
        "checked 0 bills: everything adds up\n"
    );
    let report = fixture.json(&["ledger", "report"]);
    assert_eq!((&report["entries"], &report["difference_usd"]), (&json!(1), &json!("0")));
}
