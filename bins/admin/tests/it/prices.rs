//! Price books, as the tool shows them and puts them back where no gateway runs.

use crate::fixture::{Access, Fixture};
use opencredits_catalog::{BookVersion, Catalog};
use opencredits_store::{PriceBook, PriceBooks, SqliteStore};
use opencredits_units::UnixMs;

fn book(input: &str) -> String {
    format!(
        "{{\"id\": \"a/one\", \"vendor\": \"openai\", \"context_window\": 9, \"max_output_tokens\": 9, \
         \"prices\": {{\"input\": \"{input}\", \"output\": \"2\"}}}}\n"
    )
}

/// A data folder in which these books came into force, one after the other; their versions.
fn past(texts: &[String]) -> (Fixture, Vec<String>) {
    let fixture = Fixture::new(Access::Files);
    fixture.text(&["catalog", "list"]);
    let store = SqliteStore::open(fixture.dir.join("store.db")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut versions = Vec::new();
    for (text, at) in texts.iter().zip(1_790_000_000_000..) {
        let (version, at) = (BookVersion::of_content(text).to_string(), UnixMs::new(at));
        let source = "https://prices.example/book".to_owned();
        let book = PriceBook { version: version.clone(), text: text.clone(), source, added_at: at };
        runtime.block_on(store.put_price_book(&book, at)).unwrap();
        versions.push(version);
    }
    (fixture, versions)
}

#[test]
fn books_are_listed_and_put_back_once_somebody_agrees() {
    let (fixture, versions) = past(&[book("1"), book("4")]);
    let builtin = Catalog::builtin().unwrap().version().to_string();
    let in_force = || {
        let listed = fixture.json(&["catalog", "list"])["books"].clone();
        let books = listed.as_array().unwrap().iter();
        books.filter(|book| book["is_in_force"] == true).map(|book| book["version"].to_string()).collect::<String>()
    };
    assert_eq!(in_force(), format!("\"{}\"", versions[1]));
    let asked = fixture.error(&["catalog", "rollback", &versions[0]]);
    assert!(asked.contains("a/one") && asked.contains("-75") && asked.contains("--yes"), "{asked}");
    assert_eq!(in_force(), format!("\"{}\"", versions[1]), "nobody has agreed");
    let done = fixture.text(&["catalog", "rollback", &versions[0], "--yes"]);
    assert!(
        done.contains(&format!("the price book {} is in force, in place of {}", versions[0], versions[1])),
        "{done}"
    );
    assert_eq!(in_force(), format!("\"{}\"", versions[0]));
    let same = fixture.text(&["catalog", "rollback", &versions[0]]);
    assert!(same.contains("in force already"), "{same}");
    fixture.text(&["catalog", "rollback", &builtin, "--yes"]);
    assert_eq!(in_force(), format!("\"{builtin}\""));
    assert!(fixture.error(&["catalog", "rollback", "0123456789abcdef", "--yes"]).contains("catalog list"));
    let audit = fixture.text(&["audit"]);
    assert_eq!(audit.matches("prices.roll_back").count(), 2, "{audit}");
    let table = fixture.text(&["catalog", "list"]);
    assert!(table.contains("compiled in") && table.contains("https://prices.example/book"), "{table}");
}

#[test]
fn a_book_that_this_program_cannot_read_can_be_put_aside() {
    let (fixture, versions) = past(&[book("1"), book("4").replace("\"openai\"", "7")]);
    let builtin = Catalog::builtin().unwrap().version().to_string();
    assert!(fixture.text(&["catalog", "list"]).contains(&versions[1]));
    let back = fixture.text(&["catalog", "rollback", &builtin, "--yes"]);
    assert!(back.contains(&format!("{builtin} is in force")), "{back}");
}

#[test]
fn new_prices_are_loaded_by_a_gateway_alone() {
    let (fixture, _) = past(&[]);
    assert!(fixture.error(&["catalog", "refresh", "--yes"]).contains("start it, and ask without --test"));
    assert!(
        fixture.error(&["catalog", "refresh", "--from", "book.jsonl"]).contains("start it, and ask without --test")
    );
}

#[test]
fn what_is_found_in_a_book_that_is_put_back_is_a_note_that_nobody_has_to_accept() {
    let (fixture, versions) = past(&[book("0"), book("4")]);
    let asked = fixture.error(&["catalog", "rollback", &versions[0]]);
    let done = fixture.text(&["catalog", "rollback", &versions[0], "--yes"]);
    for text in [&asked, &done] {
        assert!(text.contains("note: the price") && text.contains("becomes zero"), "{text}");
        assert!(!text.contains("--accept") && !text.contains("needs your word"), "{text}");
    }
}
