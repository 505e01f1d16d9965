//! The figures of the ledger's page are those of the code.

use opencredits_ledger::{HOLDS_MAX, LEGS_MAX, LIMITS_MAX, LINKED_MAX, MEMO_BYTES_MAX, Options, UNFLUSHED_MAX};

const PAGE: &str = include_str!("../../../../docs/ledger.md");

#[test]
fn the_bounds_on_the_page_are_those_of_the_code() {
    let bounds = [
        ("LIMITS_MAX", LIMITS_MAX),
        ("LEGS_MAX", LEGS_MAX),
        ("LINKED_MAX", LINKED_MAX),
        ("MEMO_BYTES_MAX", MEMO_BYTES_MAX),
        ("HOLDS_MAX", HOLDS_MAX),
        ("UNFLUSHED_MAX", UNFLUSHED_MAX),
    ];
    for (name, max) in bounds {
        let row = PAGE.lines().find(|line| line.ends_with(&format!("| `{name}` |"))).unwrap();
        assert!(row.contains(&format!("| {max} |")), "{row}: it is {max}");
    }
}

#[test]
fn the_time_to_gather_on_the_page_is_the_default() {
    let gather = Options::default().gather.as_millis();
    assert!(PAGE.contains(&format!("`Options::gather` ({gather} ms)")), "it is {gather} ms");
}
