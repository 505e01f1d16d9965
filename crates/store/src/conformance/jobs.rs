//! The rules of jobs, of what is deleted after some time, and of rotated keys.

use super::{HARM, NOW, key, mail, order, partner, secret, used, user};
use crate::jobs::{Acquired, JobLease, JobLeases, JobOutcome, JobRecord, JobReport, JobRun, Retention};
use crate::mail::{MailFailure, Outbox};
use crate::orders::{Bookings, Order, OrderState, Orders};
use crate::records::{AuditRecord, User};
use crate::rotations::{KeyRotation, KeyRotations, RetiredSecret};
use crate::traits::{AuditLog, Keys, Partners, StoreError, Users};
use crate::usage::{RequestMark, UsageChange, UsageFilter, UsageModel, UsageOf, UsedRequest};
use opencredits_units::{EntryId, UnixMs};

const fn later(ms: u64) -> UnixMs {
    NOW.saturating_add_ms(ms)
}

/// The report of the `n`th run, which did its work.
#[must_use]
pub fn report(n: u64) -> JobReport {
    let (started_at, ended_at) = (later(n), later(n + 1));
    let run = JobRun { started_at, ended_at, outcome: JobOutcome::Done, detail: format!("run {n}") };
    JobReport { run, runs: 1, failures: 0 }
}

/// The length of each lease here, and more than a suite takes, in ms: a store with a clock of its own goes on meanwhile.
const LEASE_MS: u64 = 600_000;
const SUITE_MS: u64 = 60_000;

/// Whether a time is the expected one, or a bit before it: the clock of the store may have gone on.
fn is_about(found: UnixMs, expect: UnixMs) -> bool {
    found <= expect && expect.ms_since(found) < SUITE_MS
}

/// Asks for the lease of a job, whatever time it is.
async fn asked<S: JobLeases>(store: &S, (job, holder): (&str, &str)) -> Result<Acquired, StoreError> {
    store.acquire_job(job, holder, NOW, LEASE_MS).await
}

/// The lease that was taken, or nothing where somebody has it.
async fn taken<S: JobLeases>(store: &S, of: (&str, &str)) -> Result<Option<JobLease>, StoreError> {
    match asked(store, of).await? {
        Acquired::New(lease) => Ok(Some(lease)),
        Acquired::Held(_) => Ok(None),
    }
}

/// The lease that must be taken, by this rule.
async fn new<S: JobLeases>(store: &S, of: (&str, &str), rule: &str) -> Result<JobLease, StoreError> {
    let acquired = asked(store, of).await?;
    assert!(matches!(acquired, Acquired::New(_)), "{rule}");
    let (Acquired::New(lease) | Acquired::Held(lease)) = acquired;
    Ok(lease)
}

/// What the store has of the job of these suites.
async fn record<S: JobLeases>(store: &S) -> Result<JobRecord, StoreError> {
    let records = store.jobs().await?;
    let names: Vec<_> = records.iter().map(|record| record.name.as_str()).collect();
    assert_eq!(names, ["tidy", HARM], "jobs go by name");
    records.into_iter().next().ok_or(StoreError::Damaged { table: "jobs" })
}

/// The rules of [`JobLeases`]. `pass` makes all leases so many ms older, as if that time had passed.
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn job_leases<S: JobLeases>(store: &S, pass: &impl Fn(u64)) -> Result<(), StoreError> {
    assert_eq!(store.jobs().await?, [], "there is no job before its first lease");
    let first = new(store, ("tidy", "a"), "a free job has a lease for the first").await?;
    let until = NOW.saturating_add_ms(LEASE_MS);
    assert_eq!(first, JobLease { job: "tidy".to_owned(), holder: "a".to_owned(), token: 1, until });
    pass(LEASE_MS - SUITE_MS);
    for (holder, rule) in [("b", "the second is told who has it"), ("a", "nor does one holder have it twice")] {
        let acquired = asked(store, ("tidy", holder)).await?;
        assert!(matches!(acquired, Acquired::Held(_)), "two never have a lease: {acquired:?}");
        let (Acquired::New(held) | Acquired::Held(held)) = acquired;
        assert!(is_about(held.until, later(SUITE_MS)), "the end is told by the clock of who asks: {held:?}");
        assert_eq!(JobLease { until, ..held }, first, "{rule}");
    }
    let harm = new(store, (HARM, HARM), "a text is never a statement").await?;
    assert_eq!((harm.job.as_str(), harm.token), (HARM, 1), "another job has a lease of its own");
    assert!(store.release_job(&harm).await?);
    assert!(store.renew_job(&first, NOW, LEASE_MS).await?, "a lease is renewed in its time");
    pass(LEASE_MS - SUITE_MS);
    assert_eq!(taken(store, ("tidy", "b")).await?, None, "and lasts longer then");
    pass(SUITE_MS);
    assert!(!store.renew_job(&first, NOW, LEASE_MS).await?, "after its end it is not renewed");
    let second = new(store, ("tidy", "b"), "its end passes it on").await?;
    assert_eq!(second.token, 2, "the token grows");
    fenced(store, &first, &second).await?;
    reports(store, &second, pass).await?;
    ended(store).await
}

async fn fenced<S: JobLeases>(store: &S, old: &JobLease, new: &JobLease) -> Result<(), StoreError> {
    assert!(!store.renew_job(old, NOW, LEASE_MS).await?, "the token of an old holder renews nothing");
    assert!(!store.report_job(old, &report(7), later(8), None).await?, "it reports nothing");
    assert!(!store.release_job(old).await?, "and gives nothing back");
    let (record, clock) = (record(store).await?, store.job_clock(NOW).await?);
    let lease = record.lease.ok_or(StoreError::Damaged { table: "jobs" })?;
    assert!(is_about(lease.until, clock.saturating_add_ms(LEASE_MS)), "its end is told by the clock of the store");
    assert_eq!(JobLease { until: new.until, ..lease }, *new, "the new holder's lease is as it was");
    assert!(record.leased_at.is_some_and(|at| is_about(at, clock)), "so is its beginning: {:?}", record.leased_at);
    assert_eq!(record.last, None);
    Ok(())
}

async fn reports<S: JobLeases>(store: &S, lease: &JobLease, pass: &impl Fn(u64)) -> Result<(), StoreError> {
    pass(LEASE_MS - SUITE_MS);
    assert!(store.report_job(lease, &JobReport { runs: 5, ..report(1) }, later(2), Some(LEASE_MS)).await?);
    pass(SUITE_MS);
    assert_eq!(taken(store, ("tidy", "c")).await?, None, "a lease may be kept with a report");
    pass(LEASE_MS);
    let run = JobRun { outcome: JobOutcome::Failed, detail: HARM.to_owned(), ..report(2).run };
    // Nobody has taken it since it ended: what ran under it did run alone.
    assert!(store.report_job(lease, &JobReport { run: run.clone(), runs: 2, failures: 2 }, later(3), None).await?);
    let (record, clock) = (record(store).await?, store.job_clock(later(3)).await?);
    assert_eq!((record.lease, record.runs, record.failures), (None, 7, 2), "runs add up");
    let last = record.last.ok_or(StoreError::Damaged { table: "jobs" })?;
    assert!(is_about(last.ended_at, clock), "its times are told by the clock of the store: {last:?}");
    assert_eq!(last.ended_at.ms_since(last.started_at), 1);
    let JobRun { started_at, ended_at, .. } = last;
    assert_eq!(last, JobRun { started_at, ended_at, ..run }, "the last run is told");
    let third = taken(store, ("tidy", "c")).await?;
    assert_eq!(third.map(|lease| lease.token), Some(3), "what was given back is free at once");
    Ok(())
}

async fn ended<S: JobLeases>(store: &S) -> Result<(), StoreError> {
    let leases: Vec<JobLease> = store.jobs().await?.into_iter().filter_map(|record| record.lease).collect();
    assert_eq!((store.end_job_leases().await?, leases.len()), (1, 1), "all leases end at once");
    for lease in &leases {
        assert!(!store.renew_job(lease, NOW, LEASE_MS).await?, "which their holders notice");
        assert!(!store.report_job(lease, &report(3), later(4), None).await?, "whatever they write");
    }
    let next = taken(store, ("tidy", "d")).await?;
    assert_eq!(next.map(|lease| lease.token), Some(5), "and others begin with tokens of their own");
    Ok(())
}

/// The rules of [`Retention`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn retention<S>(store: &S) -> Result<(), StoreError>
where
    S: Retention + AuditLog + Outbox + Orders + UsageModel + Keys + KeyRotations + Users + Partners,
{
    store.add_user(&user(1)).await?;
    store.add_partner(&partner(1)).await?;
    store.add_key(&key(1)).await?;
    audits(store).await?;
    mails(store).await?;
    orders(store).await?;
    requests(store).await?;
    let rotation = KeyRotation {
        key: key(1).id,
        digest: secret(9).digest(),
        hint: secret(9).hint().to_owned(),
        old_until: Some(later(10)),
    };
    store.rotate_key(&rotation).await?;
    assert_eq!(store.delete_retired_secrets(later(9)).await?, 0, "a secret that is valid stays");
    assert_eq!(store.delete_retired_secrets(later(10)).await?, 1, "one that is not goes");
    assert_eq!(store.retired_secret(&secret(1).digest()).await?, None);
    Ok(())
}

async fn audits<S: Retention + AuditLog>(store: &S) -> Result<(), StoreError> {
    for ms in [1, 2] {
        let text = String::new;
        let (at, id) = (later(ms), EntryId::at(later(ms), [9; 10]));
        store
            .add_audit(&AuditRecord { id, at, actor: text(), action: text(), subject: text(), detail: text() })
            .await?;
    }
    assert_eq!(store.delete_audits(later(1)).await?, 0, "records of that time stay");
    assert_eq!(store.delete_audits(later(2)).await?, 1, "those from before go");
    let left: Vec<_> = store.audits(EntryId::default(), 9).await?.into_iter().map(|record| record.at).collect();
    assert_eq!(left, [later(2)]);
    Ok(())
}

async fn mails<S: Retention + Outbox>(store: &S) -> Result<(), StoreError> {
    for n in [1, 2, 3] {
        store.enqueue(&mail(n)).await?;
    }
    store.mark_sent(mail(1).id, later(1)).await?;
    let leased = store.lease(1, NOW, later(9)).await?;
    for lease in leased {
        store.give_up(&lease, MailFailure::Expired, later(2)).await?;
    }
    assert_eq!(store.delete_mails(later(9)).await?, 0, "a mail whose figures are there stays");
    store.forget(later(9)).await?;
    assert_eq!(store.delete_mails(later(2)).await?, 1, "what was sent before goes");
    assert_eq!(store.delete_mails(later(9)).await?, 1, "so does what was given up, and nothing that waits");
    assert_eq!(store.counts(NOW).await?.waiting, 1);
    Ok(())
}

async fn orders<S: Retention + Orders>(store: &S) -> Result<(), StoreError> {
    let ended = |n, state| Order { state, check_at: None, ..order(n) };
    let booked = Bookings { number: 1, ..Bookings::default() };
    let all = [
        ended(1, OrderState::Expired),
        ended(2, OrderState::Failed),
        ended(3, OrderState::Paid),
        ended(4, OrderState::Open),
        Order { check_at: Some(later(1)), ..ended(5, OrderState::Expired) },
        Order { bookings: booked, ..ended(6, OrderState::Expired) },
        Order { created_at: later(5), ..ended(7, OrderState::Expired) },
    ];
    for order in &all {
        store.add_order(order).await?;
    }
    assert_eq!(store.delete_unpaid_orders(NOW).await?, 0, "orders of that time stay");
    assert_eq!(store.delete_unpaid_orders(later(5)).await?, 2, "those that ended unpaid go");
    let left: Vec<_> = store.orders(None, None, 9).await?.into_iter().map(|order| order.id).collect();
    assert_eq!(left, [7, 6, 5, 4, 3].map(|n| order(n).id), "and no other");
    Ok(())
}

async fn requests<S: Retention + UsageModel>(store: &S) -> Result<(), StoreError> {
    // So many that they take several blocks.
    let many = (0..2_000_u64).map(|n| UsedRequest { key: key(1).id, ..used(1, n * 1_000) }).collect();
    store.apply(UsageChange { to: vec![1], requests: many, ..UsageChange::default() }).await?;
    let of = || store.requests(UsageFilter::of(UsageOf::All), (RequestMark::default(), RequestMark::MAX), 9_999);
    assert_eq!(store.delete_request_index(NOW).await?, 0, "what is of that time or later stays");
    let before = later(1_000_000);
    assert!(store.delete_request_index(before).await? > 0, "blocks from before go");
    let left = of().await?;
    let young = left.iter().filter(|request| request.mark.made_at() >= before).count();
    assert_eq!(young, 1_000, "no request of that time or later is lost");
    assert!(left.len() < 1_900, "{} are left", left.len());
    while store.delete_request_index(UnixMs::new(u64::MAX)).await? > 0 {}
    assert!(!of().await?.is_empty(), "the last block of a series stays");
    Ok(())
}

/// The rules of [`KeyRotations`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn key_rotations<S: KeyRotations + Keys + Users + Partners>(store: &S) -> Result<(), StoreError> {
    let rotation = |n: u8, old_until| KeyRotation {
        key: key(1).id,
        digest: secret(n).digest(),
        hint: secret(n).hint().to_owned(),
        old_until,
    };
    let retired = |n: u8, valid_until| RetiredSecret { key: key(1).id, hint: secret(n).hint().to_owned(), valid_until };
    store.add_user(&user(1)).await?;
    store.add_partner(&partner(1)).await?;
    assert!(!store.rotate_key(&rotation(2, Some(NOW))).await?, "a key that is not there is not rotated");
    store.add_key(&key(1)).await?;
    store.add_key(&key(7)).await?;
    assert!(store.rotate_key(&rotation(2, Some(later(5)))).await?);
    let found = store.key_by_digest(&secret(2).digest()).await?;
    let expect = crate::Key { digest: secret(2).digest(), hint: secret(2).hint().to_owned(), ..key(1) };
    assert_eq!(found, Some(expect), "all but the secret of a key stays");
    assert_eq!(store.key_by_digest(&secret(1).digest()).await?, None);
    assert_eq!(store.retired_secret(&secret(1).digest()).await?, Some(retired(1, later(5))), "the old one is retired");
    assert!(matches!(store.rotate_key(&rotation(7, None)).await, Err(StoreError::Exists)), "a digest is there once");
    assert_eq!(store.retired_secret(&secret(1).digest()).await?, Some(retired(1, later(5))), "all or nothing");
    assert!(store.rotate_key(&rotation(3, Some(later(9)))).await?);
    let both = [retired(2, later(9)), retired(1, later(5))];
    assert_eq!(store.retired_secrets_of(key(1).id, NOW).await?, both, "the longest valid is first");
    assert_eq!(store.retired_secrets_of(key(1).id, later(5)).await?, both[..1], "what is over is left out");
    assert!(store.rotate_key(&rotation(4, None)).await?);
    assert_eq!(store.retired_secrets_of(key(1).id, NOW).await?, [], "a rotation at once ends all earlier ones");
    assert_eq!(store.retired_secret(&secret(3).digest()).await?, None);
    store.revoke_key(key(1).id, NOW).await?;
    assert!(!store.rotate_key(&rotation(5, None)).await?, "a revoked key stays as it is");
    Ok(())
}

/// The rules of [`Users::rename_user`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn renames<S: Users>(store: &S) -> Result<(), StoreError> {
    for n in [1, 2] {
        store.add_user(&user(n)).await?;
    }
    assert!(store.rename_user(user(1).id, HARM).await?);
    assert_eq!(store.user(user(1).id).await?, Some(User { label: HARM.to_owned(), ..user(1) }));
    assert_eq!(store.user_by_label(&user(1).label).await?, None, "the old label is free");
    let taken = store.rename_user(user(1).id, &user(2).label).await;
    assert!(matches!(taken, Err(StoreError::Exists)), "a label is there once");
    assert!(!store.rename_user(user(3).id, "nobody").await?);
    Ok(())
}
