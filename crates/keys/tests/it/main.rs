//! What keys promise.

use opencredits_keys::{HashKey, KeyDigest, KeyError, ManagementKey, PublishableKey, SessionToken, UserKey};
use proptest::prelude::*;

#[test]
fn a_key_of_the_other_kind_is_refused_by_its_prefix() {
    let public = PublishableKey::generate([3; 32]);
    assert_eq!(UserKey::parse(public.as_str()), Err(KeyError::Prefix { expected: "oc_sk_" }));
    let managing = ManagementKey::generate([3; 32]);
    assert_eq!(UserKey::digest_of(managing.reveal()), Err(KeyError::Prefix { expected: "oc_sk_" }));
    let spending = UserKey::generate([3; 32]);
    assert_eq!(ManagementKey::digest_of(spending.reveal()), Err(KeyError::Prefix { expected: "oc_mk_" }));
    assert_eq!(ManagementKey::digest_of(managing.reveal()), Ok(managing.digest()));
    assert_eq!(UserKey::parse(""), Err(KeyError::Prefix { expected: "oc_sk_" }));
    assert_eq!(UserKey::parse("oc_sk_short"), Err(KeyError::Malformed));
}

#[test]
fn a_session_token_is_no_key_and_does_not_show_itself() {
    let token = SessionToken::generate([3; 32]);
    assert!(token.reveal().starts_with("oc_ses_"));
    assert_eq!(SessionToken::digest_of(token.reveal()), Ok(token.digest()));
    assert_eq!(UserKey::digest_of(token.reveal()), Err(KeyError::Prefix { expected: "oc_sk_" }));
    assert_eq!(format!("{token:?}"), "SessionToken(…)");
}

#[test]
fn neither_key_nor_digest_nor_hash_key_shows_itself() {
    let key = UserKey::generate([9; 32]);
    let shown =
        format!("{key:?} {:?} {:?} {:?}", key.digest(), HashKey::new([9; 32]), ManagementKey::generate([9; 32]));
    assert_eq!(shown, "UserKey(…) KeyDigest(…) HashKey(Secret(…)) ManagementKey(…)");
}

#[test]
fn the_digest_is_the_sha_256_of_the_text() {
    // echo -n oc_sk_00000000000000000000000000000000<checksum> | sha256sum would give the same.
    let key = UserKey::generate([0; 32]);
    let stored = KeyDigest::from_bytes(*key.digest().as_bytes());
    assert_eq!(stored, key.digest());
    assert_ne!(stored, UserKey::generate([1; 32]).digest());
}

proptest! {
    #[test]
    fn every_key_survives_its_text(random: [u8; 32]) {
        let key = UserKey::generate(random);
        prop_assert_eq!(UserKey::parse(key.reveal()), Ok(key));
    }

    #[test]
    fn one_wrong_character_is_found_without_a_look_up(random: [u8; 32], at in 6_usize..44, letter in 0_usize..32) {
        let key = UserKey::generate(random);
        let mut text = key.reveal().as_bytes().to_vec();
        let wrong = b"0123456789abcdefghjkmnpqrstvwxyz"[letter];
        prop_assume!(text[at] != wrong);
        text[at] = wrong;
        let text = String::from_utf8(text).unwrap();
        prop_assert_eq!(UserKey::parse(&text), Err(KeyError::Checksum));
    }

    #[test]
    fn parsing_never_panics(text in ".*") {
        let _ = UserKey::parse(&text);
        let _ = UserKey::parse(&format!("oc_sk_{text}"));
    }
}
