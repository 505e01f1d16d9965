//! Limits of attempts, against a model that counts the milliseconds one by one.

use opencredits_identity::{Attempt, Bucket, Limit, Limits, NetworkPrefix, Wait, take_all};
use opencredits_keys::HashKey;
use opencredits_units::UnixMs;
use proptest::prelude::*;
use std::net::IpAddr;

const NOW: UnixMs = UnixMs::new(1_800_000_000_000);

fn limit(burst: u32, refill_ms: u64) -> Limit {
    Limit::new(burst, refill_ms).unwrap()
}

fn limits() -> Limits {
    Limits { address: limit(5, 60_000), network: limit(20, 10_000), site: limit(100, 1_000), overall: limit(1_000, 10) }
}

/// A bucket of thousandths of tokens, of which each millisecond puts `1000 / refill_ms` in; whole for the refills used here.
struct Model {
    thousandths: u64,
    now: u64,
}

impl Model {
    fn take(&mut self, burst: u64, refill_ms: u64, now: u64) -> bool {
        // Time that passes twice refills nothing the second time, and counts on from where the clock is.
        while self.now < now {
            self.now += 1;
            self.thousandths = (self.thousandths + 1_000 / refill_ms).min(burst * 1_000);
        }
        self.now = now;
        let is_there = self.thousandths >= 1_000;
        if is_there {
            self.thousandths -= 1_000;
        }
        is_there
    }
}

#[test]
fn a_burst_is_permitted_and_then_one_in_each_interval() {
    let mut bucket = Bucket::default();
    let limit = limit(3, 1_000);
    let mut check = |after_ms: u64, expect: Result<(), Wait>| {
        assert_eq!(bucket.take(limit, NOW.saturating_add_ms(after_ms)), expect, "{after_ms}");
    };
    check(0, Ok(()));
    check(0, Ok(()));
    check(0, Ok(()));
    check(0, Err(Wait { ms: 1_000 }));
    check(400, Err(Wait { ms: 600 }));
    check(1_000, Ok(()));
    check(1_000, Err(Wait { ms: 1_000 }));
    check(3_999, Ok(()));
    check(3_999, Ok(()));
    check(3_999, Err(Wait { ms: 1 }));
    check(4_000, Ok(()));
}

#[test]
fn a_clock_that_went_back_gives_nothing_and_locks_nobody_out() {
    let limit = limit(2, 1_000);
    let mut bucket = Bucket::default();
    let ahead = NOW.saturating_add_ms(365 * UnixMs::DAY_MS);
    assert_eq!((bucket.take(limit, ahead), bucket.take(limit, ahead)), (Ok(()), Ok(())));
    assert_eq!(bucket.take(limit, NOW), Err(Wait { ms: 1_000 }));
    assert_eq!(bucket.take(limit, NOW.saturating_add_ms(999)), Err(Wait { ms: 1 }));
    assert_eq!(bucket.take(limit, NOW.saturating_add_ms(1_000)), Ok(()));
    let mut several = [(Bucket { level: 2_000, at: ahead }, limit)];
    assert_eq!(take_all(&mut several, NOW), Err(Wait { ms: 1_000 }));
    assert_eq!(take_all(&mut several, NOW.saturating_add_ms(1_000)), Ok(()));
}

#[test]
fn a_limit_that_was_lowered_waits_no_longer_than_it_takes_to_fill() {
    let mut bucket = Bucket { level: 10_000_000, at: NOW };
    assert_eq!(bucket.take(limit(2, 1_000), NOW), Err(Wait { ms: 1_000 }));
    assert_eq!(bucket.take(limit(1_000_000, 1_000), NOW), Ok(()));
}

#[test]
fn a_record_is_kept_in_16_bytes() {
    for bucket in
        [Bucket::default(), Bucket { level: 1, at: NOW }, Bucket { level: u64::MAX, at: UnixMs::new(u64::MAX) }]
    {
        assert_eq!(Bucket::from_bytes(bucket.to_bytes()), bucket);
    }
    assert_eq!(Bucket::default().to_bytes(), [0; 16]);
}

#[test]
fn all_buckets_give_or_none_does() {
    let (wide, narrow) = (limit(10, 1_000), limit(1, 5_000));
    let mut buckets = [(Bucket::default(), wide), (Bucket::default(), narrow), (Bucket::default(), limit(1, 9_000))];
    assert_eq!(take_all(&mut buckets, NOW), Ok(()));
    let before = buckets;
    assert_eq!(take_all(&mut buckets, NOW), Err(Wait { ms: 9_000 }));
    assert_eq!(buckets, before);
    assert_eq!(take_all(&mut buckets, NOW.saturating_add_ms(9_000)), Ok(()));
    assert_eq!(take_all(&mut [], NOW), Ok(()));
}

#[test]
fn a_client_is_known_by_its_networks() {
    let check = |address: &str, expect: &[(&str, u8)]| {
        let found = NetworkPrefix::all_of(address.parse().unwrap());
        let found: Vec<(String, u8)> = found.iter().map(|prefix| (prefix.address.to_string(), prefix.bits)).collect();
        let expect: Vec<(String, u8)> = expect.iter().map(|(text, bits)| ((*text).to_owned(), *bits)).collect();
        assert_eq!(found, expect, "{address}");
    };
    check("203.0.113.77", &[("203.0.113.0", 24)]);
    check("::ffff:203.0.113.77", &[("203.0.113.0", 24)]);
    check("2001:db8:1:2:3:4:5:6", &[("2001:db8:1:2::", 64), ("2001:db8:1::", 48)]);
    check("2001:db8:ffff:ffff:ffff::", &[("2001:db8:ffff:ffff::", 64), ("2001:db8:ffff::", 48)]);
    check("::1", &[("::", 64), ("::", 48)]);
    check("255.255.255.255", &[("255.255.255.0", 24)]);
}

#[test]
fn buckets_are_shared_by_those_who_share_a_limit() {
    let key = HashKey::new([1; 32]);
    let keys = |action: &str, address: Option<&str>, from: &str| {
        let attempt = Attempt { action, address, from: Some(from.parse::<IpAddr>().unwrap()) };
        attempt.buckets(&key, &limits()).into_iter().map(|(key, _)| *key.as_bytes()).collect::<Vec<_>>()
    };
    let check = |a: Vec<[u8; 16]>, b: Vec<[u8; 16]>, shared: usize| {
        assert_eq!(a.iter().filter(|key| b.contains(key)).count(), shared);
    };
    let here = || keys("code", Some("a@x.example"), "203.0.113.1");
    assert_eq!(here().len(), 3);
    assert_eq!(keys("code", Some("a@x.example"), "2001:db8::1").len(), 4);
    assert_eq!(keys("code", None, "203.0.113.1").len(), 2);
    check(here(), keys("code", Some(" A@X.example "), "::ffff:203.0.113.9"), 3);
    check(here(), keys("code", Some("b@x.example"), "203.0.113.9"), 2);
    check(here(), keys("code", Some("b@x.example"), "203.0.114.9"), 1);
    check(here(), keys("link", Some("a@x.example"), "203.0.113.1"), 0);
    let site = |from: &str| keys("code", None, from);
    check(site("2001:db8:1:2::1"), site("2001:db8:1:3::1"), 2);
    check(site("2001:db8:1:2::1"), site("2001:db8:1:2::2"), 3);
    check(site("::"), site("0.0.0.0"), 1);
}

#[test]
fn a_wait_is_rounded_up_for_people() {
    let check = |ms: u64, secs: u64| assert_eq!(Wait { ms }.secs(), secs, "{ms}");
    check(1, 1);
    check(1_000, 1);
    check(1_001, 2);
    assert_eq!(Wait { ms: 1_500 }.to_string(), "too many attempts; try again in 2 s");
    assert!(Limit::new(0, 1).is_none() && Limit::new(1, 0).is_none());
}

proptest! {
    #[test]
    fn a_bucket_does_what_the_model_does(
        burst in 1_u32..6,
        refill_ms in prop::sample::select(vec![1_u64, 2, 5, 10, 50, 200]),
        gaps in prop::collection::vec(0_u64..120, 1..80),
    ) {
        let mut bucket = Bucket::default();
        let mut model = Model { thousandths: u64::from(burst) * 1_000, now: 10_000 };
        let mut now = 10_000;
        for gap in gaps {
            now += gap;
            let expect = model.take(u64::from(burst), refill_ms, now);
            prop_assert_eq!(bucket.take(limit(burst, refill_ms), UnixMs::new(now)).is_ok(), expect, "at {}", now);
        }
    }

    #[test]
    fn no_window_has_more_than_its_share(
        burst in 1_u32..6,
        refill_ms in 1_u64..300,
        gaps in prop::collection::vec(0_u64..200, 1..60),
    ) {
        let mut bucket = Bucket::default();
        let mut taken: Vec<u64> = Vec::new();
        let mut now = 0;
        for gap in gaps {
            now += gap;
            if bucket.take(limit(burst, refill_ms), UnixMs::new(now)).is_ok() {
                taken.push(now);
            }
        }
        for (from, start) in taken.iter().enumerate() {
            for (to, end) in taken.iter().enumerate().skip(from) {
                let count = u64::try_from(to - from + 1).unwrap();
                prop_assert!(count <= u64::from(burst) + (end - start) / refill_ms);
            }
        }
    }

    #[test]
    fn a_wait_is_exact_and_a_full_bucket_may_be_forgotten(
        burst in 1_u32..6, refill_ms in 1_u64..300, level in 0_u64..2_000, later in 0_u64..3_000,
    ) {
        let limit = limit(burst, refill_ms);
        let bucket = Bucket { level: level.min(u64::from(burst) * refill_ms), at: NOW };
        let after = |ms: u64| Bucket { ..bucket }.take(limit, NOW.saturating_add_ms(ms));
        if let Err(wait) = after(0) {
            prop_assert!(wait.ms > 0);
            prop_assert_eq!((after(wait.ms), after(wait.ms - 1)), (Ok(()), Err(Wait { ms: 1 })));
        }
        let full_at = bucket.is_full_at().saturating_add_ms(later);
        let (mut kept, mut forgotten) = (bucket, Bucket::default());
        for _ in 0..burst {
            prop_assert_eq!(kept.take(limit, full_at), forgotten.take(limit, full_at));
        }
        prop_assert_eq!(kept, forgotten);
    }

    #[test]
    fn no_clock_gives_more_than_a_burst_for_free(burst in 1_u32..6, clock in prop::collection::vec(0_u64..50, 1..60)) {
        // A clock that jumps to and fro within 50 ms, at a refill of a second: forward steps add up to what it gives.
        let mut bucket = Bucket::default();
        let mut forward = 0;
        let mut taken = 0;
        let mut last = 100;
        for step in clock {
            let now = 100 + step;
            forward += now.saturating_sub(last);
            last = now;
            taken += u64::from(bucket.take(limit(burst, 1_000), UnixMs::new(now)).is_ok());
        }
        prop_assert!(taken <= u64::from(burst) + forward.div_ceil(1_000));
    }
}
