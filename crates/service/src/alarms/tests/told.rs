//! What is told through channels, over failures and restarts.

use crate::alarms::{AlarmChannels, AlarmPhase, AlarmPorts, AlarmSettings, AlarmSource, Alarms, WebhookSecret};
use crate::jobs::StopSwitch;
use crate::ports::Clock;
use crate::telemetry::families::{ALARMS_FIRING, VERIFY_FINDINGS};
use crate::telemetry::{Counts, Samples};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, StatusCode};
use opencredits_providers::{Transport, TransportError, UpstreamBody, UpstreamRequest, UpstreamResponse};
use opencredits_store::{AlarmRow, AlarmStates, SqliteStore, StoreError};
use opencredits_units::UnixMs;
use parking_lot::Mutex;
use serde_json::Value;
use sha2::Sha256;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;
use tokio::time::Instant;

const START_MS: u64 = 1_790_000_000_000;
const KEY: [u8; 32] = [7; 32];
const MINUTE_MS: u64 = 60_000;

/// A clock that goes as tokio's does.
struct Ticking(Instant);

impl Clock for Ticking {
    fn now(&self) -> UnixMs {
        UnixMs::new(START_MS + u64::try_from(self.0.elapsed().as_millis()).unwrap())
    }
}

/// A process whose last verification found so many differences.
struct Findings(AtomicU64);

#[async_trait]
impl AlarmSource for Findings {
    async fn read(&self) -> Option<(Samples, Counts)> {
        let mut samples = Samples::default();
        samples.count(&VERIFY_FINDINGS, &["live"], self.0.load(Ordering::SeqCst));
        Some((samples, Counts::default()))
    }
}

/// A receiver that answers as it is told to, then with 204.
struct Receiver {
    answers: Mutex<VecDeque<Result<u16, TransportError>>>,
    taken: mpsc::UnboundedSender<(HeaderMap, Bytes)>,
}

#[async_trait]
impl Transport for Receiver {
    async fn send(&self, request: UpstreamRequest) -> Result<UpstreamResponse, TransportError> {
        assert_eq!(request.url, "https://alarms.example/hook");
        self.taken.send((request.headers, request.body)).unwrap();
        let status = self.answers.lock().pop_front().unwrap_or(Ok(204))?;
        let (status, headers) = (StatusCode::from_u16(status).unwrap(), HeaderMap::new());
        Ok(UpstreamResponse { status, headers, body: UpstreamBody::full(Bytes::new()) })
    }
}

fn receiver(taken: mpsc::UnboundedSender<(HeaderMap, Bytes)>) -> Arc<Receiver> {
    Arc::new(Receiver { answers: Mutex::default(), taken })
}

/// A store that a full disk lets nobody write.
struct Full;

#[async_trait]
impl AlarmStates for Full {
    async fn alarms(&self) -> Result<Vec<AlarmRow>, StoreError> {
        Err(StoreError::Closing)
    }

    async fn put_alarm(&self, _: &AlarmRow) -> Result<(), StoreError> {
        Err(StoreError::Closing)
    }

    async fn alarm_told(&self, _: &AlarmRow) -> Result<(), StoreError> {
        Err(StoreError::Closing)
    }
}

/// What a process works on, from start to start.
struct World {
    folder: tempfile::TempDir,
    clock: Arc<dyn Clock>,
    source: Arc<Findings>,
    receiver: Arc<Receiver>,
    taken: mpsc::UnboundedReceiver<(HeaderMap, Bytes)>,
}

fn settings(pace: u32) -> AlarmSettings {
    AlarmSettings {
        repeat_ms: 24 * 60 * MINUTE_MS,
        runbooks_url: "https://a.example/runbooks/".to_owned(),
        service: "https://acme.example".to_owned(),
        pace,
    }
}

fn to(receiver: &Arc<Receiver>) -> AlarmChannels {
    let secret = format!("{}{}", concat!("whs", "ec_"), STANDARD.encode(KEY));
    let hook = ("https://alarms.example/hook".parse().unwrap(), WebhookSecret::parse(&secret).unwrap());
    AlarmChannels::default().with_webhook(hook, receiver.clone())
}

/// A webhook whose signature was right: its id, its type, its body.
type Hook = (String, String, Value);

impl World {
    fn new() -> Self {
        let (sender, taken) = mpsc::unbounded_channel();
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(Ticking(Instant::now())),
            source: Arc::new(Findings(AtomicU64::new(0))),
            receiver: receiver(sender),
            taken,
        }
    }

    fn store(&self) -> Arc<dyn AlarmStates> {
        Arc::new(SqliteStore::open(self.folder.path().join("store.db")).unwrap())
    }

    fn alarms(&self, store: Arc<dyn AlarmStates>) -> Arc<Alarms> {
        let ports = AlarmPorts { source: self.source.clone(), store, clock: self.clock.clone() };
        Arc::new(Alarms::new(ports, settings(1), to(&self.receiver)))
    }

    /// Runs alarms while `during` does; the process ends with it.
    async fn run(alarms: &Alarms, during: impl Future<Output = ()>) {
        let (_stop, stopped) = StopSwitch::new();
        alarms.restore().await;
        tokio::select! {
            () = alarms.run(stopped) => panic!("it ended"),
            () = during => {}
        }
    }

    /// The next webhook, whose signature is checked.
    async fn hook(taken: &mut mpsc::UnboundedReceiver<(HeaderMap, Bytes)>) -> Hook {
        let (headers, body) = taken.recv().await.unwrap();
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
        let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
        mac.update(format!("{id}.{at}.").as_bytes());
        mac.update(&body);
        let expect = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(header("webhook-signature"), expect);
        assert_eq!(header("content-type"), "application/json");
        let body: Value = serde_json::from_slice(&body).unwrap();
        (id, body["type"].as_str().unwrap().to_owned(), body)
    }
}

#[tokio::test(start_paused = true)]
async fn an_alarm_is_told_once_when_it_fires_each_day_and_once_when_it_has_ended() {
    let mut world = World::new();
    let alarms = world.alarms(world.store());
    world.source.0.store(2, Ordering::SeqCst);
    let store = world.store();
    let (taken, source) = (&mut world.taken, &world.source);
    World::run(&alarms, async {
        let (first, kind, body) = World::hook(taken).await;
        assert_eq!(kind, "alarm.fired");
        assert_eq!(
            body["data"],
            serde_json::json!({
                "alarm": "OpenCreditsVerifyFindings",
                "severity": "page",
                "labels": { "mode": "live" },
                "summary": "the last verification of the ledger found 2 differences",
                "since": "2026-09-21T14:13:20Z",
                "resolved_at": null,
                "runbook_url": "https://a.example/runbooks/verify-findings.md",
                "service": "https://acme.example",
            })
        );
        let mut samples = Samples::default();
        alarms.sample(&mut samples);
        assert_eq!(samples.value(&ALARMS_FIRING, &["OpenCreditsVerifyFindings", "page"]), Some(1.0));
        assert_eq!(samples.value(&ALARMS_FIRING, &["OpenCreditsDiskLow", "page"]), Some(0.0));
        let before = Instant::now();
        let (second, kind, _) = World::hook(taken).await;
        assert_eq!((kind.as_str(), before.elapsed().as_secs().div_euclid(60)), ("alarm.repeated", 24 * 60));
        source.0.store(0, Ordering::SeqCst);
        let (third, kind, body) = World::hook(taken).await;
        assert_eq!(kind, "alarm.resolved");
        assert_eq!(body["data"]["resolved_at"], body["timestamp"]);
        assert!(first != second && second != third && first != third);
        // What has ended and was told is forgotten.
        while !store.alarms().await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(alarms.list(), []);
}

#[tokio::test(start_paused = true)]
async fn a_notice_that_is_not_taken_is_told_again_under_its_id_with_a_signature_of_its_own() {
    let mut world = World::new();
    world.receiver.answers.lock().extend([Ok(503), Err(TransportError::Connect), Ok(302)]);
    let alarms = world.alarms(world.store());
    world.source.0.store(1, Ordering::SeqCst);
    let taken = &mut world.taken;
    World::run(&alarms, async {
        let began = Instant::now();
        let (id, ..) = World::hook(taken).await;
        for wait_s in [1, 6, 26] {
            let (again, ..) = World::hook(taken).await;
            assert_eq!((&again, began.elapsed().as_secs()), (&id, wait_s));
        }
    })
    .await;
    assert!(world.taken.try_recv().is_err(), "and then no more");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_wants_no_more_gets_no_more_of_a_notice() {
    let mut world = World::new();
    world.receiver.answers.lock().push_back(Ok(410));
    let alarms = world.alarms(world.store());
    world.source.0.store(1, Ordering::SeqCst);
    let taken = &mut world.taken;
    World::run(&alarms, async {
        World::hook(taken).await;
        tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
    })
    .await;
    assert!(world.taken.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_restart_tells_nothing_twice_and_ends_what_has_ended() {
    let mut world = World::new();
    world.source.0.store(1, Ordering::SeqCst);
    let alarms = world.alarms(world.store());
    let (taken, store) = (&mut world.taken, SqliteStore::open(world.folder.path().join("store.db")).unwrap());
    World::run(&alarms, async {
        World::hook(taken).await;
        while !store.alarms().await.unwrap().iter().all(|row| row.is_told) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let again = world.alarms(world.store());
    let hour = std::time::Duration::from_secs(3_600);
    World::run(&again, tokio::time::sleep(hour)).await;
    assert!(world.taken.try_recv().is_err(), "it was told by the process before");
    assert_eq!(again.list()[0].phase, AlarmPhase::Firing);
    let third = world.alarms(world.store());
    world.source.0.store(0, Ordering::SeqCst);
    let taken = &mut world.taken;
    World::run(&third, async {
        assert_eq!(World::hook(taken).await.1, "alarm.resolved");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_when_the_process_ended_is_told_by_the_next_one_under_its_id() {
    let mut world = World::new();
    world.receiver.answers.lock().push_back(Ok(500));
    world.source.0.store(1, Ordering::SeqCst);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let alarms = world.alarms(world.store());
        let taken = &mut world.taken;
        World::run(&alarms, async {
            ids.push(World::hook(taken).await.0);
            tokio::task::yield_now().await;
        })
        .await;
    }
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_written_keeps_no_alarm_from_being_told() {
    let mut world = World::new();
    world.source.0.store(1, Ordering::SeqCst);
    let alarms = world.alarms(Arc::new(Full));
    let (taken, source) = (&mut world.taken, &world.source);
    World::run(&alarms, async {
        assert_eq!(World::hook(taken).await.1, "alarm.fired");
        source.0.store(0, Ordering::SeqCst);
        assert_eq!(World::hook(taken).await.1, "alarm.resolved");
    })
    .await;
}

#[tokio::test]
async fn an_alarm_that_there_is_no_more_is_forgotten_at_the_start() {
    let world = World::new();
    let store = world.store();
    store.put_alarm(&opencredits_store::conformance::alarm(1)).await.unwrap();
    world.alarms(store.clone()).restore().await;
    assert_eq!(store.alarms().await.unwrap(), []);
}

#[tokio::test]
async fn a_test_tells_what_each_channel_answered() {
    let mut world = World::new();
    world.receiver.answers.lock().push_back(Ok(401));
    let alarms = world.alarms(world.store());
    let refused = alarms.test().await;
    assert_eq!(refused[0].channel, "webhook");
    assert!(refused[0].error.as_ref().is_some_and(|error| error.contains("401")), "{refused:?}");
    assert_eq!(alarms.test().await[0].error, None);
    assert_eq!(World::hook(&mut world.taken).await.1, "alarm.test");
    assert_eq!(alarms.list(), [], "a test is no alarm");
}

#[tokio::test(start_paused = true)]
async fn channels_are_exchanged_and_what_the_old_one_did_not_take_is_told_by_the_new_one() {
    let mut world = World::new();
    world.receiver.answers.lock().extend(vec![Ok(503); 9]);
    let alarms = world.alarms(world.store());
    world.source.0.store(1, Ordering::SeqCst);
    let (sender, mut taken_by_new) = mpsc::unbounded_channel();
    let (taken, source) = (&mut world.taken, &world.source);
    World::run(&alarms, async {
        let (id, ..) = World::hook(taken).await;
        let before = alarms.list();
        alarms.exchange(settings(1), to(&receiver(sender)));
        let (again, kind, _) = World::hook(&mut taken_by_new).await;
        assert_eq!((again, kind.as_str()), (id, "alarm.fired"));
        assert_eq!(alarms.list(), before, "what fires goes on");
        // Nobody is told of the end, and whoever comes later is told of what begins then.
        alarms.exchange(settings(1), AlarmChannels::default());
        source.0.store(0, Ordering::SeqCst);
        tokio::time::sleep(std::time::Duration::from_secs(3_600)).await;
        assert_eq!(alarms.list(), []);
    })
    .await;
    assert!(taken_by_new.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn another_pace_holds_at_once_and_the_time_before_counts_as_it_passed() {
    let mut world = World::new();
    let alarms = world.alarms(world.store());
    let (taken, source) = (&mut world.taken, &world.source);
    World::run(&alarms, async {
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        source.0.store(1, Ordering::SeqCst);
        let before = Instant::now();
        alarms.exchange(settings(600), to(&world.receiver));
        assert_eq!(World::hook(taken).await.1, "alarm.fired");
        assert!(before.elapsed().as_secs() < 1, "no minute is waited for");
        alarms.exchange(settings(1), to(&world.receiver));
        source.0.store(0, Ordering::SeqCst);
        let before = Instant::now();
        assert_eq!(World::hook(taken).await.1, "alarm.resolved");
        assert!(before.elapsed().as_secs() <= 60);
    })
    .await;
}
