//! Sessions.

use opencredits_identity::{BrowserName, Session, SessionLifetimes, SignIn, Standing, browser_name};
use opencredits_keys::SessionToken;
use opencredits_units::{UnixMs, UserId};
use proptest::prelude::*;

const NOW: UnixMs = UnixMs::new(1_800_000_000_000);
const DAY: u64 = UnixMs::DAY_MS;

fn begin(random: u8, old: Option<&SessionToken>) -> SignIn {
    let old = old.map(SessionToken::digest);
    Session::begin(UserId::from_bits(1), BrowserName::default(), old, [random; 32], NOW)
}

#[test]
fn a_session_lasts_two_weeks_unused_and_ninety_days_in_all() {
    let lifetimes = SessionLifetimes::default();
    let check = |used_ms: u64, now_ms: u64, expect: Standing| {
        let mut session = begin(1, None).session;
        session.used_at = NOW.saturating_add_ms(used_ms);
        let now = NOW.saturating_add_ms(now_ms);
        assert_eq!(session.standing(&lifetimes, now), expect, "{used_ms} {now_ms}");
        assert_eq!(now < session.ends_at(&lifetimes), expect == Standing::Valid, "{used_ms} {now_ms}");
    };
    check(0, 0, Standing::Valid);
    check(0, 14 * DAY - 1, Standing::Valid);
    check(0, 14 * DAY, Standing::Idle);
    check(80 * DAY, 90 * DAY - 1, Standing::Valid);
    check(80 * DAY, 90 * DAY, Standing::Aged);
    check(DAY, 0, Standing::Valid);
}

#[test]
fn a_revoked_session_is_over() {
    let mut session = begin(1, None).session;
    session.revoked_at = Some(NOW);
    assert_eq!(session.standing(&SessionLifetimes::default(), NOW), Standing::Revoked);
}

#[test]
fn the_last_use_is_written_once_in_ten_minutes() {
    let session = begin(1, None).session;
    let check = |after_ms: u64, is_due: bool| {
        let now = NOW.saturating_add_ms(after_ms);
        assert_eq!(session.touch_due(&SessionLifetimes::default(), now), is_due, "{after_ms}");
    };
    check(0, false);
    check(599_999, false);
    check(600_000, true);
    assert!(!session.touch_due(&SessionLifetimes::default(), UnixMs::new(0)), "a clock that went back");
}

#[test]
fn a_sign_in_gives_a_new_token_and_ends_the_old_session() {
    let planted = SessionToken::generate([1; 32]);
    let signed_in = begin(2, Some(&planted));
    assert_eq!(signed_in.replaces, Some(planted.digest()));
    assert_eq!(signed_in.session.digest, signed_in.token.digest());
    assert_ne!(signed_in.token.digest(), planted.digest());
    assert_eq!(SessionToken::digest_of(signed_in.token.reveal()), Ok(signed_in.session.digest));
    assert_eq!(begin(2, None).replaces, None);
    let shown = format!("{signed_in:?}");
    assert!(shown.contains("SecretKey(…)") && !shown.contains(signed_in.token.reveal()));
}

#[test]
fn a_browser_is_named_by_its_header() {
    let check = |header: &str, expect: &str| {
        let name = browser_name(header);
        assert_eq!(name.to_string(), expect, "{header}");
        assert_eq!(BrowserName::read(expect), name, "{header}");
    };
    check("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux");
    check(
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
        "Edge on Windows",
    );
    check(
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
        "Safari on macOS",
    );
    check(
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
        "Chrome on iPhone",
    );
    check(
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        "Samsung Internet on Android",
    );
    check(
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
        "Chrome on ChromeOS",
    );
    check("curl/8.10.1", "curl");
    check("(Linux)", "Linux");
    check("", "Unknown browser");
    check("<script>alert(1)</script>", "Unknown browser");
    check(&format!("{}Firefox/1", "é".repeat(600)), "Unknown browser");
}

proptest! {
    #[test]
    fn a_name_never_has_what_the_header_has_besides(header in ".*Firefox/.*Linux.*") {
        let name = browser_name(&header).to_string();
        prop_assert!(name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' '), "{}", name);
    }
}
