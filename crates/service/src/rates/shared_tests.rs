//! The rates of a key that several gateways on one store admit requests of. Time stands still but where it is moved.

use super::tests::{Moved, limited, pass};
use super::*;
use crate::ports::Entropy;
use futures_util::FutureExt;
use futures_util::future::join_all;
use opencredits_store::SqliteStore;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{advance, sleep};

/// The start of a gateway.
struct Started(u8);

impl Entropy for Started {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

struct World {
    _folder: TempDir,
    store: SqliteStore,
    clock: Arc<Moved>,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
        Self { _folder: folder, store, clock: Arc::default() }
    }

    /// The rates of the key at this gateway.
    fn at(&self, gateway: u8, rates: Rates) -> Arc<KeyRates> {
        let sharing = RateSharing::begin(
            Arc::new(self.store.clone()),
            self.clock.clone(),
            ("gateway", &Started(gateway) as &dyn Entropy),
        );
        Arc::new(KeyRates::shared(rates, None, (&sharing, KeyId::from_bits(7))).unwrap())
    }

    fn four(&self, rates: Rates) -> Vec<Arc<KeyRates>> {
        (0..4).map(|gateway| self.at(gateway, rates)).collect()
    }

    async fn pass(&self, ms: u64) {
        pass(&self.clock, ms);
        advance(Duration::from_millis(ms)).await;
    }
}

fn requests(max: u32) -> Rates {
    Rates { requests_per_minute: NonZeroU32::new(max), ..Rates::default() }
}

fn tokens(max: u32) -> Rates {
    Rates { tokens_per_minute: NonZeroU32::new(max), ..Rates::default() }
}

fn parallel(max: u32) -> Rates {
    Rates { parallel_max: NonZeroU32::new(max), ..Rates::default() }
}

/// Waits until the store has been told everything: time moves on once nothing else is to be done.
async fn told() {
    sleep(Duration::from_millis(1)).await;
}

/// How many of so many requests are admitted one after the other.
async fn admitted(rates: &Arc<KeyRates>, count: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..count {
        admitted += usize::from(rates.admit().await.is_ok());
    }
    admitted
}

/// Reserves so many tokens and uses others.
async fn used(rates: &Arc<KeyRates>, estimate: u64, used: u64) -> Result<(), Fault> {
    let mut permit = rates.admit().await.unwrap();
    permit.reserve(estimate).await?;
    permit.settle(used);
    drop(permit);
    told().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_burst_at_four_gateways_is_admitted_as_far_as_the_minute_has_requests() {
    for max in [1, 60, 500] {
        let world = World::new();
        let gateways = world.four(requests(max));
        let asks = (0..4_000).map(|n| gateways[n % 4].admit());
        let admitted = join_all(asks).await.into_iter().filter(Result::is_ok).count();
        assert_eq!(admitted, usize::try_from(max).unwrap(), "of {max}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_has_all_requests_gets_nearly_all_of_the_minute() {
    for max in [10, 60, 100, 1_000, 3_000] {
        let (world, count) = (World::new(), usize::try_from(max).unwrap());
        let gateways = world.four(requests(max));
        for other in &gateways[1..] {
            other.admit().await.unwrap();
        }
        let of_one = admitted(&gateways[0], count).await;
        assert!((of_one + 3) * 10 >= count * 9, "{of_one} of {max} where the others have had one each");
        world.pass(60_000).await;
        assert_eq!(admitted(&gateways[0], count + 1).await, count, "where the others have had none");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_window_renews_it_for_all() {
    let world = World::new();
    let (one, other) = (world.at(1, requests(3)), world.at(2, requests(3)));
    assert_eq!((admitted(&one, 2).await, admitted(&other, 2).await), (2, 1));
    let refused = RateLimited { kind: RateKind::Requests, max: 3, wait_ms: 60_000 };
    assert_eq!(limited(one.admit().await), refused);
    assert_eq!(limited(other.admit().await), refused);
    world.pass(59_999).await;
    assert_eq!(limited(one.admit().await).wait_ms, 1);
    world.pass(1).await;
    assert_eq!((admitted(&other, 3).await, admitted(&one, 1).await), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_leased_lapses_with_its_window() {
    let world = World::new();
    let (one, other) = (world.at(1, requests(640)), world.at(2, requests(640)));
    one.admit().await.unwrap();
    assert_eq!(one.requests(), Some(RateLeft { max: 640, left: 639, reset_ms: 60_000 }));
    world.pass(60_000).await;
    assert_eq!(one.requests(), Some(RateLeft { max: 640, left: 640, reset_ms: 0 }));
    assert_eq!(admitted(&other, 641).await, 640);
    assert!(one.admit().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_while_the_store_is_asked_costs_nothing() {
    let world = World::new();
    let one = world.at(1, Rates { parallel_max: NonZeroU32::new(9), ..requests(3) });
    assert!(one.admit().now_or_never().is_none(), "the answer is on its way");
    told().await;
    assert_eq!((one.running(), admitted(&one, 9).await), (0, 3));
    told().await;
    let places = world.at(2, parallel(1));
    assert!(places.admit().now_or_never().is_none());
    told().await;
    assert!(places.admit().await.is_ok(), "its place was given up");
}

#[tokio::test(start_paused = true)]
async fn tokens_are_taken_by_estimate_at_one_gateway_and_count_by_use_at_all() {
    let world = World::new();
    let (one, other) = (world.at(1, tokens(640)), world.at(2, tokens(640)));
    used(&one, 100, 300).await.unwrap();
    let refused = limited(used(&other, 341, 0).await);
    assert_eq!((refused.kind, refused.max), (RateKind::Tokens, 640), "what was used besides is taken");
    used(&other, 340, 0).await.unwrap();
    world.pass(1_000).await;
    used(&one, 320, 20).await.unwrap();
    world.pass(1_000).await;
    used(&other, 300, 300).await.unwrap();
    assert!(used(&other, 1, 1).await.is_err(), "20 are kept at the gateway that had the request before");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_does_not_suffice_is_left_to_others() {
    let world = World::new();
    let (one, other) = (world.at(1, tokens(640)), world.at(2, tokens(640)));
    used(&one, 600, 600).await.unwrap();
    assert_eq!(limited(used(&other, 50, 50).await).wait_ms, 60_000);
    used(&one, 40, 40).await.unwrap();
    world.pass(1_000).await;
    assert!(used(&other, 1, 1).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_owed_are_paid_by_later_minutes_of_all_gateways() {
    let world = World::new();
    let (one, other) = (world.at(1, tokens(600)), world.at(2, tokens(600)));
    used(&one, 100, 1_700).await.unwrap();
    assert!(used(&other, 1, 1).await.is_err(), "1,700 are used");
    world.pass(60_000).await;
    assert!(used(&one, 1, 1).await.is_err(), "600 of 1,700 are paid");
    world.pass(60_000).await;
    used(&other, 100, 100).await.unwrap();
    assert!(used(&one, 1, 1).await.is_err(), "1,200 are paid, and 600 are used");
    world.pass(60_000).await;
    used(&one, 600, 600).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_fits_into_no_minute_is_taken_from_a_full_one_and_the_rest_is_owed() {
    let check = async |actual: u64, left_next: u64| {
        let world = World::new();
        let (one, other) = (world.at(1, tokens(600)), world.at(2, tokens(600)));
        used(&other, 1, 1).await.unwrap();
        assert!(used(&one, 1_000, 0).await.is_err(), "this minute is not full");
        world.pass(60_000).await;
        used(&one, 1_000, actual).await.unwrap();
        world.pass(60_000).await;
        assert!(used(&other, left_next + 1, 0).await.is_err() || left_next == 600, "{actual} used");
        used(&other, left_next, left_next).await.unwrap();
    };
    check(1_000, 200).await;
    check(1_100, 100).await;
    check(700, 500).await;
    check(100, 600).await;
}

#[tokio::test(start_paused = true)]
async fn places_are_those_of_all_gateways_and_free_once_a_request_leaves() {
    let world = World::new();
    let (one, other) = (world.at(1, parallel(2)), world.at(2, parallel(2)));
    let first = one.admit().await.unwrap();
    let _second = other.admit().await.unwrap();
    for full in [&one, &other] {
        assert_eq!(limited(full.admit().await), RateLimited::parallel(2));
    }
    drop(first);
    told().await;
    let again = one.admit().await;
    assert!(again.is_ok(), "a place that was left here is free at once");
    drop(again);
    told().await;
    world.pass(50).await;
    let _third = other.admit().await.unwrap();
    assert_eq!((one.running(), other.running()), (0, 2));
    assert!(one.admit().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn places_stay_taken_for_as_long_as_their_gateway_lives() {
    let world = World::new();
    let (one, other) = (world.at(1, parallel(1)), world.at(2, parallel(1)));
    let running = one.admit().await.unwrap();
    for _ in 0..6 {
        pass(&world.clock, 10_000);
        sleep(Duration::from_secs(10)).await;
    }
    assert!(other.admit().await.is_err(), "a minute after the request came");
    drop(running);
    told().await;
    world.pass(50).await;
    other.admit().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_for_its_rate_leaves_its_place() {
    let world = World::new();
    let rates = Rates { parallel_max: NonZeroU32::new(1), ..requests(1) };
    let (one, other) = (world.at(1, rates), world.at(2, rates));
    drop(one.admit().await.unwrap());
    told().await;
    assert_eq!(limited(other.admit().await).kind, RateKind::Requests);
    told().await;
    world.pass(60_000).await;
    other.admit().await.unwrap();
}
