//! The device flow.

use opencredits_identity::oauth::{
    Bearer, BearerKind, Decided, DeviceGrant, DevicePoll, DeviceRequest, FamilyId, OauthError, Offer, UserCode,
};
use opencredits_keys::HashKey;
use opencredits_units::{UnixMs, UserId};
use proptest::prelude::*;

const NOW: UnixMs = UnixMs::new(1_800_000_000_000);
const USER: UserId = UserId::from_bits(1);
const FAMILY: FamilyId = FamilyId::from_bits(7);
const OFFER: Offer<'_> = Offer { scopes: &["spend"], resources: &[] };

fn code() -> UserCode {
    UserCode::draw(std::array::from_fn(|at| u8::try_from(at).unwrap())).unwrap()
}

fn grant() -> DeviceGrant {
    let request = DeviceRequest::read("client_id=app&scope=spend", &OFFER).unwrap();
    let device = Bearer::generate(BearerKind::Device, [1; 32]);
    DeviceGrant::new(request, &device, code().digest(&HashKey::new([1; 32])), NOW)
}

fn poll(grant: &mut DeviceGrant, after_ms: u64) -> DevicePoll {
    grant.poll("app", NOW.saturating_add_ms(after_ms))
}

#[test]
fn a_user_code_is_read_as_people_type_it() {
    let check = |typed: &str, is_read: bool| {
        assert_eq!(
            typed.parse::<UserCode>(),
            if is_read { Ok(code()) } else { Err(OauthError::InvalidRequest) },
            "{typed}"
        );
    };
    assert_eq!(code().reveal(), "BCDF-GHJK");
    check("BCDF-GHJK", true);
    check("bcdfghjk", true);
    check(" bcdf ghjk ", true);
    check("b-c-d-f-g-h-j-k", true);
    check("BCDF\u{2013}GHJK", true);
    check("BCDF-GHJ", false);
    check("BCDF-GHJKL", false);
    check("BCDF-GHJA", false);
    check("BCDF-GHJ1", false);
    check("BCDF_GHJK", false);
    check("", false);
    check(&format!("BCDF{}GHJK", " ".repeat(100)), false);
    assert_eq!(format!("{:?}", code()), "UserCode(Secret(…))");
}

#[test]
fn bytes_that_would_make_some_letters_likelier_are_rejected() {
    let mut random = [239; 32];
    random[0] = 240;
    random[1] = 255;
    assert_eq!(UserCode::draw(random).unwrap().reveal(), "ZZZZ-ZZZZ");
    assert_eq!(UserCode::draw([240; 32]), None);
}

#[test]
fn a_terminal_waits_for_the_person() {
    let mut grant = grant();
    let pending = DevicePoll::Refused(OauthError::AuthorizationPending);
    assert_eq!(poll(&mut grant, 0), pending);
    assert_eq!(poll(&mut grant, 5_000), pending);
    assert_eq!(grant.approve(USER, FAMILY, NOW.saturating_add_ms(7_000)), Decided::Done);
    assert_eq!(grant.deny(NOW.saturating_add_ms(7_001)), Decided::TooLate);
    assert_eq!(poll(&mut grant, 10_000), DevicePoll::Granted { user: USER, family: FAMILY });
    assert_eq!(poll(&mut grant, 15_000), DevicePoll::Reused(FAMILY));
    let consent = grant.consent(USER);
    assert_eq!((consent.client_id.as_str(), consent.scopes.join(" ").as_str()), ("app", "spend"));
}

#[test]
fn who_asks_too_often_waits_five_seconds_longer_each_time() {
    let mut grant = grant();
    let mut check = |after_ms: u64, expect: OauthError, interval_ms: u64| {
        assert_eq!(poll(&mut grant, after_ms), DevicePoll::Refused(expect), "{after_ms}");
        assert_eq!(grant.interval_ms, interval_ms, "{after_ms}");
    };
    check(0, OauthError::AuthorizationPending, 5_000);
    check(4_500, OauthError::AuthorizationPending, 5_000);
    check(8_999, OauthError::SlowDown, 10_000);
    check(13_999, OauthError::SlowDown, 15_000);
    check(28_999, OauthError::AuthorizationPending, 15_000);
    for at in 0..100 {
        check(29_000 + at, OauthError::SlowDown, (20_000 + 5_000 * at).min(60_000));
    }
}

#[test]
fn a_request_ends_with_its_time_or_a_refusal() {
    let mut denied = grant();
    assert_eq!(denied.deny(NOW), Decided::Done);
    assert_eq!(poll(&mut denied, 0), DevicePoll::Refused(OauthError::AccessDenied));
    assert_eq!(denied.approve(USER, FAMILY, NOW), Decided::TooLate);
    let mut old = grant();
    assert_eq!(poll(&mut old, 600_000), DevicePoll::Refused(OauthError::ExpiredToken));
    assert_eq!(old.approve(USER, FAMILY, NOW.saturating_add_ms(600_000)), Decided::TooLate);
    let mut late = grant();
    assert_eq!(late.approve(USER, FAMILY, NOW), Decided::Done);
    assert_eq!(poll(&mut late, 600_000), DevicePoll::Refused(OauthError::ExpiredToken));
}

#[test]
fn another_client_learns_nothing() {
    let mut grant = grant();
    assert_eq!(grant.approve(USER, FAMILY, NOW), Decided::Done);
    assert_eq!(grant.poll("other", NOW), DevicePoll::Refused(OauthError::InvalidGrant));
    assert_eq!(poll(&mut grant, 0), DevicePoll::Granted { user: USER, family: FAMILY });
}

proptest! {
    #[test]
    fn every_code_survives_its_text(random: [u8; 32]) {
        if let Some(code) = UserCode::draw(random) {
            prop_assert_eq!(code.reveal().to_lowercase().parse::<UserCode>(), Ok(code));
        }
    }

    #[test]
    fn tokens_are_handed_out_once_at_most(
        steps in prop::collection::vec((0_u8..4, 0_u64..20_000), 1..60),
    ) {
        let mut grant = grant();
        let (mut now, mut granted, mut approved) = (0, 0, false);
        for (step, gap) in steps {
            now += gap;
            match step {
                0 => approved |= grant.approve(USER, FAMILY, NOW.saturating_add_ms(now)) == Decided::Done,
                1 if now % 3 == 0 => { let _ = grant.deny(NOW.saturating_add_ms(now)); }
                _ => granted += u8::from(matches!(poll(&mut grant, now), DevicePoll::Granted { .. })),
            }
            prop_assert!(granted <= u8::from(approved));
            prop_assert!(granted == 0 || now < 2_000_000);
        }
    }

    #[test]
    fn reading_never_panics(typed in ".*") {
        let _ = typed.parse::<UserCode>();
    }
}
