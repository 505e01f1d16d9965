//! The rules of what several processes share: the versions of changes, and limits of keys. Each suite has two handles to one store, as two
//! processes have.

use super::{HARM, NOW};
use crate::changes::{Change, Changes, Versions};
use crate::rates::{RATE_WINDOW_MS, RateBucket, RateLease, RateUnit, SharedRates};
use crate::traits::StoreError;
use opencredits_units::KeyId;

/// The rules of [`Changes`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn changes<S: Changes>(one: &S, other: &S) -> Result<(), StoreError> {
    let versions = |changes, configs| Versions { changes, configs };
    assert_eq!(one.versions().await?, versions(0, 0), "nothing was announced at first");
    assert_eq!(one.announce(Change::Data).await?, versions(1, 0), "a change raises the version by one");
    assert_eq!(other.versions().await?, versions(1, 0), "which every process sees at once");
    assert_eq!(other.announce(Change::Data).await?, versions(2, 0), "whoever makes it");
    assert_eq!(one.announce(Change::Config).await?, versions(3, 1), "one of the config is counted by itself as well");
    assert_eq!(other.announce(Change::Data).await?, versions(4, 1), "which others leave as it is");
    for store in [one, other] {
        assert_eq!(store.versions().await?, versions(4, 1), "reading raises nothing");
    }
    Ok(())
}

/// The count of the `n`th key.
#[must_use]
pub fn bucket(n: u8, unit: RateUnit) -> RateBucket {
    RateBucket { key: KeyId::at(NOW, [n; 10]), unit }
}

/// What was granted, and what is left.
const fn figures(lease: &RateLease) -> (u32, u32) {
    (lease.granted, lease.left)
}

/// The rules of [`SharedRates`]. `pass` makes all rows so many ms older, as if that time had passed; a window only by whole minutes. A
/// store with a clock of its own begins early in a minute.
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn shared_rates<S: SharedRates>(one: &S, other: &S, pass: &impl Fn(u64)) -> Result<(), StoreError> {
    leases(one, other).await?;
    given_back(one, other).await?;
    windows(one, other, pass).await?;
    owed(one, other, pass).await?;
    owed_in_part(one, other, pass).await?;
    places(one, other).await?;
    holders(one, other, pass).await?;
    forgotten(one, other, pass).await
}

async fn leases<S: SharedRates>(one: &S, other: &S) -> Result<(), StoreError> {
    let of = bucket(1, RateUnit::Requests);
    let first = one.lease_rate(of, 60, 100, NOW).await?;
    assert_eq!(figures(&first), (60, 40), "a lease takes what it wants where it is there");
    assert!(first.resets_in_ms <= RATE_WINDOW_MS, "a window ends within a minute");
    assert_eq!(first.window % RATE_WINDOW_MS, 0, "and begins with one");
    let second = other.lease_rate(of, 60, 100, NOW).await?;
    assert_eq!(figures(&second), (40, 0), "the next takes what is left");
    assert_eq!(second.window, first.window, "of the same window");
    assert_eq!(figures(&one.lease_rate(of, 1, 100, NOW).await?), (0, 0), "then nothing is left for either");
    assert_eq!(figures(&one.lease_rate(of, 1, 50, NOW).await?), (0, 0), "nor where the limit is lowered");
    assert_eq!(figures(&other.lease_rate(of, 30, 120, NOW).await?), (20, 0), "where it is raised there is more");
    assert_eq!(figures(&one.lease_rate(of, 0, 200, NOW).await?), (0, 80), "who wants nothing sees what is left");
    let tokens = one.lease_rate(bucket(1, RateUnit::Tokens), 5, 9, NOW).await?;
    let another = one.lease_rate(bucket(2, RateUnit::Requests), 5, 9, NOW).await?;
    assert_eq!((figures(&tokens), figures(&another)), ((5, 4), (5, 4)), "each unit of each key is counted by itself");
    assert_eq!(figures(&one.lease_rate(bucket(3, RateUnit::Tokens), 1, 0, NOW).await?), (0, 0), "nothing is a limit");
    let most = one.lease_rate(bucket(4, RateUnit::Tokens), u32::MAX, u32::MAX, NOW).await?;
    assert_eq!(figures(&most), (u32::MAX, 0), "and so is the largest number");
    Ok(())
}

async fn given_back<S: SharedRates>(one: &S, other: &S) -> Result<(), StoreError> {
    let of = bucket(10, RateUnit::Requests);
    let lease = one.lease_rate(of, 10, 10, NOW).await?;
    assert!(one.give_back_rate(of, lease.window, 3).await?, "what was not used is given back in its window");
    assert_eq!(figures(&other.lease_rate(of, 9, 10, NOW).await?), (3, 0), "and is there for others");
    assert!(!one.give_back_rate(bucket(11, RateUnit::Requests), lease.window, 3).await?, "of a lease that there was");
    assert!(one.give_back_rate(of, lease.window, 99).await?);
    assert_eq!(figures(&other.lease_rate(of, 99, 10, NOW).await?), (10, 0), "never more than was used");
    Ok(())
}

async fn windows<S: SharedRates>(one: &S, other: &S, pass: &impl Fn(u64)) -> Result<(), StoreError> {
    let (of, lowered) = (bucket(20, RateUnit::Requests), bucket(21, RateUnit::Requests));
    let before = one.lease_rate(of, 10, 10, NOW).await?;
    one.lease_rate(lowered, 100, 100, NOW).await?;
    pass(RATE_WINDOW_MS);
    let before = before.window - RATE_WINDOW_MS;
    let next = other.lease_rate(of, 4, 10, NOW).await?;
    assert_eq!(figures(&next), (4, 6), "each window has all of its limit");
    assert_eq!(next.window, before + RATE_WINDOW_MS, "one minute follows another");
    assert!(!one.give_back_rate(of, before, 4).await?, "what is given back later was of another window");
    assert_eq!(figures(&one.lease_rate(of, 0, 10, NOW).await?), (0, 6), "and changes nothing");
    let lower = other.lease_rate(lowered, 99, 10, NOW).await?;
    assert_eq!(figures(&lower), (10, 0), "a limit that is lowered makes no debt of what it was");
    Ok(())
}

async fn owed<S: SharedRates>(one: &S, other: &S, pass: &impl Fn(u64)) -> Result<(), StoreError> {
    let (of, long) = (bucket(30, RateUnit::Tokens), bucket(31, RateUnit::Tokens));
    for owing in [of, long] {
        one.lease_rate(owing, 6, 10, NOW).await?;
        one.owe_rate(owing, 19, NOW).await?;
        assert_eq!(figures(&other.lease_rate(owing, 1, 10, NOW).await?), (0, 0), "what is owed is used");
    }
    pass(RATE_WINDOW_MS);
    let next = other.lease_rate(of, 1, 10, NOW).await?;
    assert_eq!(figures(&next), (0, 0), "what is owed above the limit is carried over");
    pass(RATE_WINDOW_MS);
    assert_eq!(figures(&one.lease_rate(of, 9, 10, NOW).await?), (5, 0), "until windows have paid it off");
    assert_eq!(figures(&one.lease_rate(long, 9, 10, NOW).await?), (5, 0), "those without a request, too");
    pass(RATE_WINDOW_MS);
    assert_eq!(figures(&one.lease_rate(of, 9, 10, NOW).await?), (9, 1), "and then no more");
    Ok(())
}

async fn owed_in_part<S: SharedRates>(one: &S, other: &S, pass: &impl Fn(u64)) -> Result<(), StoreError> {
    let (less, first) = (bucket(40, RateUnit::Tokens), bucket(41, RateUnit::Tokens));
    one.lease_rate(less, 10, 10, NOW).await?;
    one.owe_rate(less, -3, NOW).await?;
    assert_eq!(figures(&other.lease_rate(less, 9, 10, NOW).await?), (3, 0), "less than estimated is there again");
    one.owe_rate(less, i64::MIN, NOW).await?;
    assert_eq!(figures(&other.lease_rate(less, 99, 10, NOW).await?), (10, 0), "never more than was used");
    one.owe_rate(first, 15, NOW).await?;
    assert_eq!(figures(&other.lease_rate(first, 1, 10, NOW).await?), (0, 0), "it may be owed before any lease");
    pass(RATE_WINDOW_MS);
    assert_eq!(figures(&other.lease_rate(first, 9, 10, NOW).await?), (5, 0), "and is carried over as well");
    for _ in 0..3 {
        one.owe_rate(first, i64::MAX, NOW).await?;
    }
    assert_eq!(figures(&other.lease_rate(first, 9, 10, NOW).await?), (0, 0), "however much it is");
    Ok(())
}

async fn places<S: SharedRates>(one: &S, other: &S) -> Result<(), StoreError> {
    let [key, another] = [50, 51].map(|n| bucket(n, RateUnit::Requests).key);
    assert!(!one.take_place(key, "a", 0, NOW).await?, "where there are none nobody has one");
    assert!(one.take_place(key, "a", 2, NOW).await?, "a free place is taken");
    assert!(other.take_place(key, "b", 2, NOW).await?, "by whoever comes");
    assert!(!other.take_place(key, "b", 2, NOW).await?, "all holders together have no more than the limit");
    assert!(!one.take_place(key, "a", 2, NOW).await?, "each of them");
    assert!(one.take_place(another, HARM, 1, NOW).await?, "another key has its own, and a text is never a statement");
    assert!(!other.take_place(another, "a", 1, NOW).await?);
    one.leave_place(key, "a").await?;
    one.leave_place(key, "a").await?;
    one.leave_place(key, "nobody").await?;
    assert!(other.take_place(key, "b", 2, NOW).await?, "a place that was left is free");
    assert!(!one.take_place(key, "a", 2, NOW).await?, "once");
    other.leave_place(key, "b").await?;
    other.leave_place(key, "b").await?;
    Ok(())
}

async fn holders<S: SharedRates>(one: &S, other: &S, pass: &impl Fn(u64)) -> Result<(), StoreError> {
    let key = bucket(60, RateUnit::Requests).key;
    for _ in 0..2 {
        assert!(one.take_place(key, "seen", 2, NOW).await?);
    }
    pass(15_000);
    assert!(!other.take_place(key, "next", 2, NOW).await?, "a holder need not be seen all the time");
    assert_eq!(one.refresh_places("seen", NOW).await?, 1, "it is seen with its places of all keys");
    assert_eq!(other.refresh_places("next", NOW).await?, 0, "who has none has nothing to keep");
    pass(20_000);
    assert!(!other.take_place(key, "next", 2, NOW).await?, "what is seen within its time counts");
    pass(15_000);
    for _ in 0..2 {
        assert!(other.take_place(key, "next", 2, NOW).await?, "the places of who is not seen any more are free");
    }
    assert!(!other.take_place(key, "next", 2, NOW).await?, "once");
    assert_eq!(one.refresh_places("seen", NOW).await?, 1, "who comes back has its places");
    for _ in 0..2 {
        other.leave_place(key, "next").await?;
        assert!(!other.take_place(key, "next", 2, NOW).await?, "which count again");
    }
    one.leave_place(key, "seen").await?;
    assert!(other.take_place(key, "next", 2, NOW).await?);
    Ok(())
}

async fn forgotten<S: SharedRates>(one: &S, other: &S, pass: &impl Fn(u64)) -> Result<(), StoreError> {
    let (of, owing) = (bucket(70, RateUnit::Tokens), bucket(71, RateUnit::Tokens));
    pass(11 * RATE_WINDOW_MS);
    one.forget_rates(NOW).await?;
    one.lease_rate(of, 10, 10, NOW).await?;
    one.lease_rate(owing, 10, 10, NOW).await?;
    one.owe_rate(owing, 1_000, NOW).await?;
    assert!(one.take_place(of.key, "old", 1, NOW).await?);
    assert_eq!(one.forget_rates(NOW).await?, 0, "what is young stays");
    assert!(!other.take_place(of.key, "new", 1, NOW).await?);
    pass(11 * RATE_WINDOW_MS);
    assert!(other.forget_rates(NOW).await? > 0, "what is old goes");
    assert_eq!(one.refresh_places("old", NOW).await?, 0);
    assert_eq!(figures(&one.lease_rate(owing, 1, 10, NOW).await?), (0, 0), "and nothing that is owed");
    pass(25 * 60 * RATE_WINDOW_MS);
    one.forget_rates(NOW).await?;
    assert_eq!(one.forget_rates(NOW).await?, 0, "within a day all does");
    assert_eq!(figures(&one.lease_rate(owing, 1, 10, NOW).await?), (1, 9));
    Ok(())
}
