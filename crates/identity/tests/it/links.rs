//! Signed links.

use opencredits_identity::{IdentityError, LINK_LIFETIME_MS, Link, LinkKeys, LinkProblem, Purpose};
use opencredits_keys::HashKey;
use opencredits_units::UnixMs;
use proptest::prelude::*;

const NOW: UnixMs = UnixMs::new(1_800_000_000_000);
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn keys(bytes: &[u8]) -> LinkKeys {
    LinkKeys::new(bytes.iter().map(|byte| HashKey::new([*byte; 32])).collect()).unwrap()
}

fn link(purpose: Purpose, subject: &[u8]) -> Link {
    Link::new(purpose, subject, [9; 16], NOW).unwrap()
}

fn problem(result: Result<Link, IdentityError>) -> Option<LinkProblem> {
    match result {
        Ok(_) => None,
        Err(IdentityError::Link(problem)) => Some(problem),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_link_says_what_was_signed() {
    let made = link(Purpose::Deletion, b"user 1");
    let text = made.sign(&keys(&[1])).unwrap();
    let read = Link::verify(text.reveal(), Purpose::Deletion, &keys(&[1]), NOW).unwrap();
    assert_eq!(read, made);
    assert_eq!((read.subject(), read.nonce(), read.purpose()), (&b"user 1"[..], &[9; 16], Purpose::Deletion));
    assert_eq!(read.expires_at(), NOW.saturating_add_ms(86_400_000));
    assert_eq!(format!("{text:?}"), "Secret(…)");
}

#[test]
fn keys_are_exchanged_one_after_another() {
    let check = |signed_with: &[u8], verified_with: &[u8], expect: Option<LinkProblem>| {
        let text = link(Purpose::SignIn, b"u").sign(&keys(signed_with)).unwrap();
        let found = problem(Link::verify(text.reveal(), Purpose::SignIn, &keys(verified_with), NOW));
        assert_eq!(found, expect, "{signed_with:?} {verified_with:?}");
    };
    check(&[1], &[1], None);
    check(&[1], &[2, 1], None);
    check(&[2, 1], &[2], None);
    check(&[2, 1], &[1], Some(LinkProblem::Signature));
    check(&[1], &[4, 3, 2, 1], None);
    check(&[1], &[2], Some(LinkProblem::Signature));
    assert!(LinkKeys::new(Vec::new()).is_err());
    assert!(LinkKeys::new(vec![HashKey::new([0; 32]); 5]).is_err());
}

#[test]
fn promise_06_a_link_lasts_for_a_day() {
    let text = link(Purpose::SignIn, b"u").sign(&keys(&[1])).unwrap();
    let check = |after_ms: u64, expect: Option<LinkProblem>| {
        let now = NOW.saturating_add_ms(after_ms);
        assert_eq!(problem(Link::verify(text.reveal(), Purpose::SignIn, &keys(&[1]), now)), expect, "{after_ms}");
    };
    check(0, None);
    check(LINK_LIFETIME_MS - 1, None);
    check(LINK_LIFETIME_MS, Some(LinkProblem::Expired));
}

#[test]
fn a_link_for_one_purpose_passes_for_no_other() {
    for made_for in Purpose::ALL {
        let text = link(made_for, b"u").sign(&keys(&[1])).unwrap();
        for asked_for in Purpose::ALL {
            let expect = (made_for != asked_for).then_some(LinkProblem::Purpose);
            assert_eq!(problem(Link::verify(text.reveal(), asked_for, &keys(&[1]), NOW)), expect);
        }
    }
}

#[test]
fn every_change_of_a_character_is_refused() {
    let text = link(Purpose::SignIn, b"user 1").sign(&keys(&[1])).unwrap().reveal().clone();
    for at in 0..text.len() {
        for letter in LETTERS {
            let mut changed = text.clone().into_bytes();
            if changed[at] == *letter {
                continue;
            }
            changed[at] = *letter;
            let changed = String::from_utf8(changed).unwrap();
            assert!(Link::verify(&changed, Purpose::SignIn, &keys(&[1]), NOW).is_err(), "{at} {letter}");
        }
    }
}

#[test]
fn a_link_without_its_signature_or_with_another_link_s_is_refused() {
    let (one, two) = (link(Purpose::SignIn, b"one"), link(Purpose::SignIn, b"two"));
    let text = |link: &Link| link.sign(&keys(&[1])).unwrap().reveal().clone();
    let (one, two) = (text(&one), text(&two));
    for len in 0..one.len() {
        assert!(Link::verify(&one[..len], Purpose::SignIn, &keys(&[1]), NOW).is_err(), "{len}");
        if one[..len] != two[..len] {
            let joined = format!("{}{}", &one[..len], &two[len..]);
            assert!(joined == one || Link::verify(&joined, Purpose::SignIn, &keys(&[1]), NOW).is_err(), "{len}");
        }
    }
    let longer = [format!("{one}AAAA"), format!("{one}="), format!("{one} "), "A".repeat(100_000)];
    for text in longer {
        assert_eq!(problem(Link::verify(&text, Purpose::SignIn, &keys(&[1]), NOW)), Some(LinkProblem::Malformed));
    }
}

#[test]
fn nobody_is_told_why_a_link_does_not_hold() {
    let problems = [LinkProblem::Malformed, LinkProblem::Signature, LinkProblem::Purpose, LinkProblem::Expired];
    let texts = problems.map(|problem| IdentityError::Link(problem).to_string());
    assert!(texts.iter().all(|text| *text == texts[0]));
}

#[test]
fn a_subject_has_a_length() {
    let check = |len: usize, is_right: bool| {
        assert_eq!(Link::new(Purpose::SignIn, &vec![0; len], [0; 16], NOW).is_ok(), is_right, "{len}");
    };
    check(0, false);
    check(1, true);
    check(64, true);
    check(65, false);
    let longest = link(Purpose::DeletionCancel, &[0xff; 64]).sign(&keys(&[1])).unwrap();
    assert!(Link::verify(longest.reveal(), Purpose::DeletionCancel, &keys(&[1]), NOW).is_ok());
}

proptest! {
    #[test]
    fn different_links_have_different_signatures(a in prop::collection::vec(any::<u8>(), 1..64), b in prop::collection::vec(any::<u8>(), 1..64)) {
        prop_assume!(a != b);
        let signed = |subject: &[u8]| link(Purpose::SignIn, subject).sign(&keys(&[1])).unwrap().reveal().clone();
        let tail = |text: String| text[text.len() - 40..].to_owned();
        prop_assert_ne!(tail(signed(&a)), tail(signed(&b)));
    }

    #[test]
    fn reading_never_panics(text in "[A-Za-z0-9_-]{0,300}") {
        prop_assert!(Link::verify(&text, Purpose::SignIn, &keys(&[1]), NOW).is_err());
    }
}
