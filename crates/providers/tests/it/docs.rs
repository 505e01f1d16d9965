//! The page on providers: its vendors are those of the code, its TOML is read.

use opencredits_providers::http::{Settings, Timeouts};
use opencredits_providers::{Auth, OutputCap, StopBilling, Vendors};
use toml::Table;

const PAGE: &str = include_str!("../../../../docs/providers.md");

/// The config on the page.
fn config() -> Table {
    let (_, rest) = PAGE.split_once("```toml\n").unwrap();
    rest.split_once("```").unwrap().0.parse().unwrap()
}

/// The cells of the rows of the table with this head.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = PAGE.split_once(head).unwrap();
    let rows = rest.lines().skip(2).map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").map(|cell| cell.trim_matches('`')).collect()).collect()
}

#[test]
fn what_the_page_says_of_a_vendor_is_so() {
    let vendors = Vendors::builtin().unwrap();
    let compiled: Vec<Vec<String>> = vendors
        .iter()
        .map(|vendor| {
            let bill = if vendor.stop_billing == StopBilling::Ends { "ends" } else { "goes on" };
            let needs = vendor.variables().join("`, `");
            let needs = if needs.is_empty() { "none".to_owned() } else { needs };
            [&*vendor.id, vendor.dialect.name(), &needs, bill].map(str::to_owned).to_vec()
        })
        .collect();
    let shown = table("| vendor | dialect |");
    assert!(shown.len() >= 20);
    // A vendor that is added needs no row: the page shows those of note.
    for row in shown {
        assert!(compiled.iter().any(|vendor| *vendor == row), "{row:?}");
    }
}

#[test]
fn the_file_on_the_page_is_a_vendors_whole_file() {
    let (_, rest) = PAGE.split_once("This is the whole\n`").unwrap();
    let (name, rest) = rest.split_once("`:\n\n```toml vendor\n").unwrap();
    let file = std::fs::read_to_string(format!("{}/vendors/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    assert_eq!(rest.split_once("```").unwrap().0, file);
}

#[test]
fn the_vendor_on_the_page_is_read_as_it_stands() {
    let list = Table::from_iter([("vendor".to_owned(), config().remove("vendor").unwrap())]);
    let vendors = Vendors::builtin().unwrap().with_operator(&list.to_string()).unwrap();
    let vendor = vendors.get("house").unwrap();
    assert_eq!(vendor.url(vendor.dialect, "m", false), "https://models.example/v1/chat/completions");
    assert_eq!((&vendor.auth, vendor.key_env.as_deref()), (&Auth::Bearer, Some("HOUSE_API_KEY")));
    assert_eq!((vendor.stop_billing, vendor.output_cap), (StopBilling::Ends, OutputCap::MaxCompletionTokens));
    assert_eq!(vendor.headers["x-team"], "credits");
}

#[test]
fn the_fields_on_the_page_are_those_that_a_vendor_has() {
    let refusal = Vendors::default().with_operator("[[vendor]]\nno_such_field = 1").unwrap_err().to_string();
    let (_, known) = refusal.split_once("expected one of ").unwrap();
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let shown: Vec<&str> = table("| field | meaning |").into_iter().map(|row| row[0]).collect();
    assert_eq!(shown, known);
}

#[test]
fn the_times_on_the_page_are_the_defaults() {
    let shown = |field: &str| u64::try_from(config()["upstream"][field].as_integer().unwrap()).unwrap();
    let times = Timeouts {
        connect_ms: shown("connect_ms"),
        first_byte_ms: shown("first_byte_ms"),
        idle_ms: shown("idle_ms"),
        total_ms: shown("total_ms"),
    };
    assert_eq!(times, Settings::default().timeouts);
}
