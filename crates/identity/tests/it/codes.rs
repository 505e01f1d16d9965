//! Sign-in codes.

use opencredits_identity::{
    CODE_ATTEMPTS_MAX, CODE_LIFETIME_MS, Challenge, ChallengeId, CodeAnswer, OneTimeCode, Purpose, Verdict, check_code,
};
use opencredits_keys::{HashKey, Secret};
use opencredits_units::UnixMs;
use proptest::prelude::*;

const NOW: UnixMs = UnixMs::new(1_800_000_000_000);

fn key() -> HashKey {
    HashKey::new([3; 32])
}

fn id(last: u8) -> ChallengeId {
    ChallengeId::at(NOW, [last; 10])
}

/// A code whose first word is `word`; the words behind it would give 999,999.
fn code(word: u32) -> OneTimeCode {
    let mut random = [0; 32];
    for chunk in random.chunks_mut(4) {
        chunk.copy_from_slice(&999_999_u32.to_be_bytes());
    }
    random[..4].copy_from_slice(&word.to_be_bytes());
    OneTimeCode::draw(random).unwrap()
}

fn challenge(digits: u32) -> Challenge {
    Challenge::new(id(1), Purpose::SignIn, &code(digits), &key(), NOW)
}

fn ask(challenge: &mut Challenge, typed: &str, now: UnixMs) -> Verdict {
    let answer = CodeAnswer { id: challenge.id, purpose: Purpose::SignIn, typed: &Secret::new(typed) };
    challenge.check(&answer, &key(), now)
}

#[test]
fn a_code_is_read_as_people_type_it() {
    let check = |typed: &str, expect: Option<&str>| {
        let read = OneTimeCode::read(typed).map(|code| code.reveal());
        assert_eq!(read.as_deref(), expect, "{typed:?}");
    };
    check("042137", Some("042137"));
    check(" 042 137 ", Some("042137"));
    check("042-137", Some("042137"));
    check("0 4 2 1 3 7", Some("042137"));
    check("042\u{2013}137\n", Some("042137"));
    check("042\u{a0}137", Some("042137"));
    check("42137", None);
    check("0421370", None);
    check("04213a", None);
    check("+42137", None);
    check("", None);
    check(&" ".repeat(40), None);
    check(&format!("{}042137", " ".repeat(40)), None);
    check("99999999999999999999", None);
}

#[test]
fn words_above_the_largest_multiple_of_a_million_are_rejected_and_not_folded() {
    let check = |word: u32, expect: &str| assert_eq!(code(word).reveal(), expect, "{word}");
    check(0, "000000");
    check(1_000_041, "000041");
    check(4_293_999_999, "999999");
    check(4_294_000_000, "999999");
    check(4_294_000_007, "999999");
    assert!(OneTimeCode::draw([0xff; 32]).is_none());
}

#[test]
fn promise_06_a_right_code_is_accepted_once() {
    let mut challenge = challenge(42_137);
    assert_eq!(ask(&mut challenge, "042 137", NOW), Verdict::Accepted);
    assert_eq!(ask(&mut challenge, "042137", NOW), Verdict::Refused);
    assert!(!challenge.is_open(NOW));
}

#[test]
fn promise_06_a_code_lasts_for_five_minutes() {
    let check = |after_ms: u64, expect: Verdict| {
        assert_eq!(ask(&mut challenge(7), "000007", NOW.saturating_add_ms(after_ms)), expect, "{after_ms}");
    };
    assert_eq!(CODE_LIFETIME_MS, 300_000);
    check(0, Verdict::Accepted);
    check(299_999, Verdict::Accepted);
    check(300_000, Verdict::Refused);
    check(u64::MAX, Verdict::Refused);
}

#[test]
fn five_wrong_codes_use_a_challenge_up() {
    let check = |wrong: u8, expect: Verdict| {
        let mut challenge = challenge(7);
        for _ in 0..wrong {
            assert_eq!(ask(&mut challenge, "000008", NOW), Verdict::Refused);
        }
        assert_eq!(ask(&mut challenge, "000007", NOW), expect, "after {wrong}");
    };
    assert_eq!(CODE_ATTEMPTS_MAX, 5);
    check(4, Verdict::Accepted);
    check(5, Verdict::Refused);
    check(200, Verdict::Refused);
}

#[test]
fn what_cannot_be_a_code_costs_no_attempt() {
    let mut challenge = challenge(7);
    for typed in ["", "12345", "hello", "1234567"] {
        assert_eq!(ask(&mut challenge, typed, NOW), Verdict::Refused);
    }
    assert_eq!(challenge.attempts_left, CODE_ATTEMPTS_MAX);
}

#[test]
fn a_code_for_one_purpose_passes_for_no_other() {
    for made_for in Purpose::ALL {
        for asked_for in Purpose::ALL {
            let mut challenge = Challenge::new(id(1), made_for, &code(7), &key(), NOW);
            let answer = CodeAnswer { id: id(1), purpose: asked_for, typed: &Secret::new("000007") };
            let expect = if made_for == asked_for { Verdict::Accepted } else { Verdict::Refused };
            assert_eq!(challenge.check(&answer, &key(), NOW), expect, "{made_for:?} {asked_for:?}");
            // A row whose purpose was changed in the store answers nothing either.
            let mut changed = Challenge::new(id(1), made_for, &code(7), &key(), NOW);
            changed.purpose = asked_for;
            assert_eq!(changed.check(&answer, &key(), NOW), expect, "{made_for:?} {asked_for:?}");
        }
    }
}

#[test]
fn a_row_that_is_copied_over_another_answers_nothing() {
    let mut copied = Challenge { id: id(2), ..challenge(7) };
    assert_eq!(ask(&mut copied, "000007", NOW), Verdict::Refused);
    let first = CodeAnswer { id: id(1), purpose: Purpose::SignIn, typed: &Secret::new("000007") };
    assert_eq!(copied.check(&first, &key(), NOW), Verdict::Refused);
    let mut changed = Challenge { purpose: Purpose::Deletion, ..challenge(7) };
    assert_eq!(changed.check(&first, &key(), NOW), Verdict::Refused);
    let other = CodeAnswer { id: id(2), purpose: Purpose::SignIn, typed: &Secret::new("000007") };
    assert_eq!(challenge(7).check(&other, &key(), NOW), Verdict::Refused);
    assert_eq!(challenge(7).check(&other, &HashKey::new([4; 32]), NOW), Verdict::Refused);
}

#[test]
fn an_unknown_challenge_is_answered_as_a_wrong_code() {
    let answer = CodeAnswer { id: id(1), purpose: Purpose::SignIn, typed: &Secret::new("000007") };
    assert_eq!(check_code(None, &answer, &key(), NOW), Verdict::Refused);
}

#[test]
fn neither_code_nor_digest_nor_what_was_typed_shows_itself() {
    let answer = CodeAnswer { id: id(1), purpose: Purpose::SignIn, typed: &Secret::new("123456") };
    let shown = format!("{:?} {:?} {answer:?}", code(123_456), challenge(123_456));
    assert!(!shown.contains("123456") && shown.contains("OneTimeCode(Secret(…))"), "{shown}");
    assert!(shown.contains("digest: KeyDigest(…)"), "{shown}");
}

#[test]
fn a_purpose_is_found_by_its_name() {
    for purpose in Purpose::ALL {
        assert_eq!(Purpose::from_name(purpose.name()), Some(purpose));
    }
    assert_eq!(Purpose::from_name("SignIn"), None);
}

proptest! {
    #[test]
    fn all_codes_are_equally_likely(word: u32) {
        // Each code is the remainder of exactly 4,294 of the words below 4,294,000,000; the others give the next word's.
        let expect = if word < 4_294_000_000 { word % 1_000_000 } else { 999_999 };
        prop_assert_eq!(code(word).reveal(), format!("{expect:06}"));
    }

    #[test]
    fn only_the_right_code_is_accepted(digits in 0_u32..1_000_000, typed in 0_u32..1_000_000) {
        let verdict = ask(&mut challenge(digits), &format!("{typed:06}"), NOW);
        prop_assert_eq!(verdict == Verdict::Accepted, digits == typed);
        prop_assert_eq!(ask(&mut challenge(digits), &format!("{digits:06}"), NOW), Verdict::Accepted);
    }

    #[test]
    fn reading_never_panics(typed in ".*") {
        let _ = OneTimeCode::read(&typed);
    }
}
