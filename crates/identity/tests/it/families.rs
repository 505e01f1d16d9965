//! Authorization codes and what is issued for them.

use opencredits_identity::oauth::{
    Asked, AuthorizationCode, AuthorizationRequest, Bearer, BearerKind, Client, CodeVerifier, Consent, FamilyId,
    GrantLifetimes, Offer, Redeemed, Redemption, Refreshed, TokenFamily,
};
use opencredits_units::{UnixMs, UserId};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOW: UnixMs = UnixMs::new(1_800_000_000_000);
const DAY: u64 = UnixMs::DAY_MS;
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const WRONG: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl";
const QUERY: &str = "client_id=app&response_type=code&code_challenge_method=S256\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&redirect_uri=https://app.example/back";
const FAMILY: FamilyId = FamilyId::from_bits(7);

fn request() -> AuthorizationRequest {
    let redirect_urls = ["https://app.example/back".to_owned()];
    let offer = Offer { scopes: &["spend"], resources: &[] };
    Asked::read(QUERY).unwrap().check(&Client { id: "app", redirect_urls: &redirect_urls }, &offer).unwrap()
}

fn code() -> AuthorizationCode {
    let bearer = Bearer::generate(BearerKind::Code, [1; 32]);
    AuthorizationCode::new(&bearer, &request(), UserId::from_bits(1), FAMILY, NOW)
}

fn redeem(code: &mut AuthorizationCode, client_id: &str, verifier: &str, after_ms: u64) -> Redeemed {
    let verifier = CodeVerifier::parse(verifier).unwrap();
    code.redeem(&Redemption { client_id, redirect_url: None, verifier: &verifier }, NOW.saturating_add_ms(after_ms))
}

fn token(number: u8) -> Bearer {
    Bearer::generate(BearerKind::Refresh, [number; 32])
}

fn family() -> TokenFamily {
    TokenFamily::new(FAMILY, code().consent, &token(0), NOW)
}

fn refresh(family: &mut TokenFamily, presented: u8, next: u8, after_ms: u64) -> Refreshed {
    let at = (&GrantLifetimes::default(), NOW.saturating_add_ms(after_ms));
    family.refresh(&token(presented).digest(), "app", &token(next), at)
}

#[test]
fn a_code_is_exchanged_once_and_within_a_minute() {
    let check = |client_id: &str, verifier: &str, after_ms: u64, expect: Redeemed, again: Redeemed| {
        let mut code = code();
        assert_eq!(redeem(&mut code, client_id, verifier, after_ms), expect, "{client_id} {after_ms}");
        assert_eq!(redeem(&mut code, "app", VERIFIER, after_ms), again, "{client_id} {after_ms}");
    };
    let (granted, reused) = (Redeemed::Granted(FAMILY), Redeemed::Reused(FAMILY));
    check("app", VERIFIER, 0, granted, reused);
    check("app", VERIFIER, 59_999, granted, reused);
    check("app", VERIFIER, 60_000, Redeemed::Refused, reused);
    check("app", WRONG, 0, Redeemed::Refused, reused);
    // What another client presents is not used up by it.
    check("other", VERIFIER, 0, Redeemed::Refused, granted);
}

#[test]
fn a_code_belongs_to_its_redirect() {
    let check = |redirect_url: Option<&str>, expect: Redeemed| {
        let verifier = CodeVerifier::parse(VERIFIER).unwrap();
        let redemption = Redemption { client_id: "app", redirect_url, verifier: &verifier };
        assert_eq!(code().redeem(&redemption, NOW), expect, "{redirect_url:?}");
    };
    check(None, Redeemed::Granted(FAMILY));
    check(Some("https://app.example/back"), Redeemed::Granted(FAMILY));
    check(Some("https://app.example/other"), Redeemed::Refused);
}

#[test]
fn a_verifier_has_43_to_128_unreserved_characters() {
    let check = |text: &str, is_right: bool| assert_eq!(CodeVerifier::parse(text).is_some(), is_right, "{text}");
    check(&"a".repeat(42), false);
    check(&"a".repeat(43), true);
    check(&"~".repeat(128), true);
    check(&"a".repeat(129), false);
    check(&"a b".repeat(20), false);
    check(&"é".repeat(43), false);
    assert_eq!(format!("{:?}", CodeVerifier::parse(VERIFIER).unwrap()), "CodeVerifier(Secret(…))");
}

#[test]
fn refresh_tokens_replace_each_other() {
    let mut family = family();
    for number in 0..10_u8 {
        let after_ms = u64::from(number) * 20 * DAY;
        assert_eq!(refresh(&mut family, number, number + 1, after_ms), Refreshed::Granted, "{number}");
    }
    assert_eq!(refresh(&mut family, 3, 99, 181 * DAY), Refreshed::Reused);
    assert_eq!(refresh(&mut family, 10, 99, 181 * DAY), Refreshed::Refused, "the newest ends with its family");
}

#[test]
fn a_lost_answer_may_be_asked_for_again() {
    let check = |steps: &[(u8, u8, u64, Refreshed)]| {
        let mut family = family();
        for (presented, next, after_ms, expect) in steps {
            assert_eq!(refresh(&mut family, *presented, *next, *after_ms), *expect, "{steps:?} {presented}");
        }
    };
    use Refreshed::{Granted, Refused, Reused};
    // The answer with 1 was lost; the client goes on with 2.
    check(&[(0, 1, 0, Granted), (0, 2, 29_999, Granted), (2, 3, DAY, Granted), (3, 4, 2 * DAY, Granted)]);
    // It arrived late, and the client goes on with 1.
    check(&[(0, 1, 0, Granted), (0, 2, 29_999, Granted), (1, 3, DAY, Granted)]);
    // Too late, or too often.
    check(&[(0, 1, 0, Granted), (0, 2, 30_000, Reused), (1, 3, DAY, Refused)]);
    check(&[(0, 1, 0, Granted), (0, 2, 1, Granted), (0, 3, 2, Granted), (0, 4, 3, Reused)]);
    // Repeating does not extend the grace.
    check(&[(0, 1, 0, Granted), (0, 2, 29_999, Granted), (0, 3, 30_000, Reused)]);
    // A thief used the same seconds: whoever refreshes second is found out, whoever that is.
    check(&[
        (0, 1, 0, Granted),
        (0, 2, 10, Granted),
        (1, 3, DAY, Granted),
        (2, 4, 2 * DAY, Reused),
        (3, 5, 2 * DAY, Refused),
    ]);
    check(&[
        (0, 1, 0, Granted),
        (0, 2, 10, Granted),
        (2, 3, DAY, Granted),
        (1, 4, 2 * DAY, Reused),
        (3, 5, 2 * DAY, Refused),
    ]);
    // Once a successor was used, the grace of the first is over.
    check(&[(0, 1, 0, Granted), (1, 2, 5, Granted), (0, 3, 10, Reused)]);
}

#[test]
fn a_family_ends_unused_after_a_month_and_in_any_case_after_a_year() {
    let lifetimes = GrantLifetimes::default();
    let check = |refreshed_ms: u64, now_ms: u64, is_live: bool| {
        let mut family = family();
        family.refreshed_at = NOW.saturating_add_ms(refreshed_ms);
        assert_eq!(family.is_live(&lifetimes, NOW.saturating_add_ms(now_ms)), is_live, "{refreshed_ms} {now_ms}");
        let expect = if is_live { Refreshed::Granted } else { Refreshed::Refused };
        assert_eq!(refresh(&mut family, 0, 1, now_ms), expect);
    };
    check(0, 30 * DAY - 1, true);
    check(0, 30 * DAY, false);
    check(360 * DAY, 365 * DAY - 1, true);
    check(360 * DAY, 365 * DAY, false);
}

#[test]
fn another_client_gets_nothing_and_ends_nothing() {
    let mut family = family();
    let at = (&GrantLifetimes::default(), NOW);
    assert_eq!(family.refresh(&token(0).digest(), "other", &token(1), at), Refreshed::Refused);
    assert_eq!(family.refresh(&token(9).digest(), "other", &token(1), at), Refreshed::Refused);
    assert_eq!(refresh(&mut family, 0, 1, 0), Refreshed::Granted);
}

#[test]
fn an_access_token_lasts_an_hour_and_no_longer_than_its_family() {
    let (lifetimes, mut family) = (GrantLifetimes::default(), family());
    let check = |after_ms: u64, expect_ms: u64| {
        let until = family.access_until(&lifetimes, NOW.saturating_add_ms(after_ms));
        assert_eq!(until, NOW.saturating_add_ms(expect_ms), "{after_ms}");
    };
    check(0, 3_600_000);
    check(DAY, DAY + 3_600_000);
    check(365 * DAY - 1, 365 * DAY);
    family.revoke(NOW);
    family.revoke(NOW.saturating_add_ms(1));
    assert_eq!(family.revoked_at, Some(NOW));
}

#[test]
fn a_consent_covers_what_was_agreed_to() {
    let check = |resources: &[&str], scope: &str, resource: &str, expect: bool| {
        let resources = resources.iter().map(|text| (*text).to_owned()).collect();
        let consent = Consent { resources, ..code().consent };
        assert_eq!(consent.covers(scope, resource), expect, "{scope} {resource}");
    };
    check(&[], "spend", "https://credits.example/v1", true);
    check(&["https://credits.example/v1"], "spend", "https://credits.example/v1", true);
    check(&["https://credits.example/v1"], "spend", "https://credits.example", false);
    check(&[], "balance", "https://credits.example/v1", false);
}

proptest! {
    /// Two parties have the first token. The second comes in within the grace or not at all, and once both are in, only one
    /// of them goes on: the other's next refresh ends the family.
    #[test]
    fn of_two_parties_with_one_token_only_one_goes_on(
        steps in prop::collection::vec((any::<bool>(), prop_oneof![1_u64..12_000, 1_u64..DAY]), 2..12),
    ) {
        let mut family = family();
        let mut held = [0_u8, 0];
        let mut now = 0;
        let mut entered: Vec<(bool, u64)> = Vec::new();
        let mut went_on = BTreeSet::new();
        for (next, (party, gap)) in (1..).zip(steps) {
            now += gap;
            if refresh(&mut family, held[usize::from(party)], next, now) != Refreshed::Granted {
                prop_assert!(family.revoked_at.is_some());
                break;
            }
            held[usize::from(party)] = next;
            match entered.as_slice() {
                [_, _] => {
                    went_on.insert(party);
                    prop_assert_eq!(went_on.len(), 1, "both went on at {}", now);
                }
                [(first, _)] if *first == party => {}
                [(_, at)] => {
                    prop_assert!(now - at < 30_000, "the other came in after {} ms", now - at);
                    entered.push((party, now));
                }
                _ => entered.push((party, now)),
            }
        }
    }
}
