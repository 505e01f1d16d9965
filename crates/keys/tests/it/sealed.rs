//! Values at rest.

use opencredits_keys::{DataKeyId, DataKeys, DataKeysError, OpenError, SealedPlace};
use proptest::prelude::*;

const PLACE: SealedPlace<'_> = SealedPlace { table: "user_emails", column: "sealed", row: b"person" };

fn keys(of: &[&str]) -> DataKeys {
    of.iter().map(|digit| digit.repeat(64)).collect::<Vec<_>>().join("\n").parse().unwrap()
}

#[test]
fn the_newest_key_seals_and_all_open() {
    let (old, both) = (keys(&["a"]), keys(&["b", "a"]));
    let sealed = old.seal(b"ada@example.org", PLACE, [1; 24]);
    assert_eq!(both.open(&sealed, PLACE).unwrap(), b"ada@example.org");
    let again = both.seal(b"ada@example.org", PLACE, [2; 24]);
    assert_eq!(DataKeyId::of_sealed(&again), Some(both.newest()));
    assert_eq!(old.open(&again, PLACE), Err(OpenError::UnknownKey(both.newest())));
    assert!(both.ids().eq([both.newest(), old.newest()]));
}

#[test]
fn a_value_is_found_by_a_hash_of_each_key() {
    let (old, both) = (keys(&["a"]), keys(&["b", "a"]));
    assert_eq!(both.indexes(b"ada"), [both.index(b"ada"), old.index(b"ada")]);
    assert_ne!(both.index(b"ada"), both.index(b"eve"));
}

#[test]
fn a_value_opens_in_its_own_place_only() {
    let keys = keys(&["a"]);
    let sealed = keys.seal(b"ada@example.org", PLACE, [1; 24]);
    let others = [
        SealedPlace { row: b"another", ..PLACE },
        SealedPlace { column: "label", ..PLACE },
        SealedPlace { table: "users", ..PLACE },
        // The same bytes, cut elsewhere.
        SealedPlace { table: "user_emailssealed", column: "", ..PLACE },
    ];
    for other in others {
        assert_eq!(keys.open(&sealed, other), Err(OpenError::Changed), "{other:?}");
    }
}

#[test]
fn each_flipped_bit_and_each_missing_byte_is_noticed() {
    let keys = keys(&["a"]);
    let sealed = keys.seal(b"ada@example.org", PLACE, [1; 24]);
    for at in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[at / 8] ^= 1 << (at % 8);
        assert!(keys.open(&changed, PLACE).is_err(), "bit {at}");
    }
    for len in 0..sealed.len() {
        assert!(keys.open(&sealed[..len], PLACE).is_err(), "{len} bytes");
    }
}

#[test]
fn a_text_without_good_keys_is_refused_with_the_remedy() {
    let (a, b) = ("a".repeat(64), "b".repeat(64));
    let nine: Vec<String> = (0..9).map(|n| n.to_string().repeat(64)).collect();
    let rows = [
        (String::new(), DataKeysError::Empty),
        ("# a comment\n".to_owned(), DataKeysError::Empty),
        ("abc".to_owned(), DataKeysError::Malformed { number: 1 }),
        (format!("{a} {}", "g".repeat(64)), DataKeysError::Malformed { number: 2 }),
        (format!("{a} {b} {a}"), DataKeysError::Twice { number: 3 }),
        (nine.join(" "), DataKeysError::TooMany),
    ];
    for (text, expect) in rows {
        assert_eq!(text.parse::<DataKeys>().err(), Some(expect), "{text}");
    }
    assert!(format!("# newest\n{b}\n\n# old\n{a}\n").parse::<DataKeys>().is_ok());
    assert!(!format!("{:?}", keys(&["a"])).contains("aaaa"), "a key is not shown");
}

proptest! {
    #[test]
    fn every_value_comes_back(value in proptest::collection::vec(any::<u8>(), 0..300), nonce in any::<[u8; 24]>()) {
        let keys = keys(&["a"]);
        let sealed = keys.seal(&value, PLACE, nonce);
        prop_assert_eq!(keys.open(&sealed, PLACE).unwrap(), value);
    }
}
