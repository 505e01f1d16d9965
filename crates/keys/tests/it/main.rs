//! What keys promise.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sealed;

use opencredits_keys::{
    HashKey, KeyDigest, KeyError, ManagementKey, Manages, Mode, PublishableKey, Reports, SessionToken, Spends, TestKey,
    UserKey,
};
use proptest::prelude::*;

#[test]
fn a_key_of_the_other_kind_is_refused_by_its_prefix() {
    let public = PublishableKey::generate(Mode::Live, [3; 32]);
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
    assert_eq!(format!("{token:?}"), "SecretKey(…)");
}

#[test]
fn neither_key_nor_digest_nor_hash_key_shows_itself() {
    let key = UserKey::generate([9; 32]);
    let shown =
        format!("{key:?} {:?} {:?} {:?}", key.digest(), HashKey::new([9; 32]), ManagementKey::generate([9; 32]));
    assert_eq!(shown, "SecretKey(…) KeyDigest(…) HashKey(Secret(…)) SecretKey(…)");
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

#[test]
fn a_key_of_one_mode_is_none_of_the_other() {
    let (live, test) = (UserKey::generate([5; 32]), TestKey::generate([5; 32]));
    assert!(test.reveal().starts_with("oc_sk_test_"), "{}", test.reveal());
    assert_eq!(UserKey::digest_of(test.reveal()), Err(KeyError::Prefix { expected: "oc_sk_" }));
    assert_eq!(TestKey::digest_of(live.reveal()), Err(KeyError::Prefix { expected: "oc_sk_test_" }));
    assert_ne!(live.digest(), test.digest());
    // A live key whose random part is replaced by a test key's, and the other way round.
    assert!(UserKey::parse(&test.reveal().replacen("oc_sk_", "oc_sk_oc_sk_", 1)).is_err());
    assert!(
        TestKey::parse(&live.reveal().replacen("oc_sk_", "oc_sk_test_", 1)).is_err(),
        "the checksum has the prefix"
    );
    let public = PublishableKey::generate(Mode::Test, [5; 32]);
    assert_eq!(PublishableKey::parse(public.as_str()), Ok(public.clone()));
    assert_eq!(Mode::of_key(public.as_str()), Mode::Test);
}

#[test]
fn the_mode_of_a_key_is_in_its_prefix() {
    let check = |mode: Mode| {
        let spends = mode.generate::<Spends>([6; 32]);
        let manages = mode.generate::<Manages>([6; 32]);
        let reports = mode.generate::<Reports>([6; 32]);
        assert_eq!(mode.digest_of::<Spends>(spends.reveal()), Ok(spends.digest()));
        assert_eq!(mode.digest_of::<Manages>(manages.reveal()), Ok(manages.digest()));
        assert_eq!(mode.digest_of::<Reports>(reports.reveal()), Ok(reports.digest()));
        assert!(mode.digest_of::<Reports>(manages.reveal()).is_err());
        for key in [&spends, &manages, &reports] {
            assert_eq!(Mode::of_key(key.reveal()), mode);
        }
    };
    check(Mode::Live);
    check(Mode::Test);
    for text in ["", "oc_", "oc_sk_tes", "sk-test_1", "oc_sk_0test_", "test_"] {
        assert_eq!(Mode::of_key(text), Mode::Live, "{text}");
    }
}
