//! The conformance suite of each trait, run on an empty store.
//!
//! A suite panics where an implementation breaks a rule, and names the rule. It returns the store's own errors.

mod alarms;
mod bills;
mod connections;
mod identity;
mod jobs;
mod operator;
mod orders;
mod partners;
mod prices;
mod privacy;
mod shared;

pub use alarms::{alarm, alarm_states};
pub use bills::provider_bills;
pub use connections::{agreed_grants, connected_keys, device_requests, token_grants};
pub use identity::{
    attempt_buckets, challenge, code_challenges, identity_retention, mailed_links, passkey, passkeys, session,
    sessions, standings,
};
pub use jobs::{job_leases, key_rotations, renames, report, retention};
pub use operator::operator_reads;
pub use orders::{cursors, order, orders, payers};
pub use partners::{applications, commission_returns, partner_changes, partner_keys, publishable_keys};
pub use prices::{price_book, price_books};
pub use privacy::{erasure, policies, privacy_states};
pub use shared::{bucket, changes, shared_rates};

use crate::records::{
    AuditRecord, Key, LimitOwner, LimitReset, ManagementKeyRecord, Partner, Rates, SpendingLimit, Standing, User,
};
use crate::traits::{
    AuditLog, Claim, Claims, Keys, ManagementKeys, Partners, Settings, SpendingLimits, StoreError, Users,
};
use crate::usage::{
    AccountTransfer, Days, RequestMark, UsageBy, UsageChange, UsageFilter, UsageGroup, UsageModel, UsageOf, UsageOrder,
    UsageQuery, UsageSums, UsedRequest,
};
mod mail;

pub use mail::{mail, mail_choices, notices, outbox, user_emails};

use opencredits_keys::UserKey;
use opencredits_units::{AccountId, BasisPoints, EntryId, GenerationId, KeyId, NanoUsd, PartnerId, UnixMs, UserId};
use std::num::NonZeroU32;

/// The time of everything in these suites.
pub const NOW: UnixMs = UnixMs::new(1_790_000_000_000);
/// A text that does harm if it becomes part of a statement.
const HARM: &str = "x' OR '1'='1'; DROP TABLE users; --";

/// The `n`th person.
#[must_use]
pub fn user(n: u8) -> User {
    User {
        id: UserId::at(NOW, [n; 10]),
        wallet: AccountId::at(NOW, [n; 10]),
        label: format!("user {n}"),
        created_at: NOW,
        standing: Standing::Good,
    }
}

/// The `n`th partner.
#[must_use]
pub fn partner(n: u8) -> Partner {
    Partner {
        id: PartnerId::at(NOW, [n; 10]),
        name: format!("app {n}"),
        publishable_key: format!("oc_pk_{n}"),
        share: (n % 2 == 1).then_some(BasisPoints::new(4_000)),
        earnings: AccountId::at(NOW, [n; 10]),
        created_at: NOW,
        owner: None,
        standing: Standing::Good,
        markup: (n % 2 == 1).then_some(BasisPoints::new(3_000)),
    }
}

/// The secret of the `n`th key.
#[must_use]
pub fn secret(n: u8) -> UserKey {
    UserKey::generate([n; 32])
}

/// The `n`th key of the first person, through the first partner, with every optional field set.
#[must_use]
pub fn key(n: u8) -> Key {
    Key {
        id: KeyId::at(NOW, [n; 10]),
        user: user(1).id,
        partner: Some(partner(1).id),
        digest: secret(n).digest(),
        hint: secret(n).hint().to_owned(),
        name: "laptop".to_owned(),
        created_at: NOW,
        revoked_at: None,
        expires_at: Some(NOW.saturating_add_ms(5)),
        limit: Some(limit(n)),
        allowed_models: Some(vec!["a/b".to_owned(), "c/d".to_owned()]),
        rates: Rates {
            requests_per_minute: NonZeroU32::new(60),
            tokens_per_minute: NonZeroU32::new(9_000),
            parallel_max: NonZeroU32::new(3),
        },
        disabled: true,
    }
}

/// The `n`th limit.
#[must_use]
pub fn limit(n: u8) -> SpendingLimit {
    let account = AccountId::at(NOW, [n; 10]);
    SpendingLimit { account, amount: NanoUsd::new(5), reset: Some(LimitReset::Weekly), since: NOW }
}

fn is_there(outcome: &Result<(), StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Exists))
}

/// The rules of [`Users`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn users<S: Users>(store: &S) -> Result<(), StoreError> {
    for n in [2, 1, 3] {
        store.add_user(&user(n)).await?;
    }
    let namesake = User { label: user(1).label, ..user(9) };
    assert!(is_there(&store.add_user(&user(1)).await), "an id is there once");
    assert!(is_there(&store.add_user(&namesake).await), "a label is there once");
    assert_eq!(store.user(user(1).id).await?, Some(user(1)), "a person is kept whole");
    assert_eq!(store.user(user(9).id).await?, None, "a refused person is not there");
    assert_eq!(store.user_by_label("user 2").await?, Some(user(2)), "a label finds its person");
    assert_eq!(store.user_by_label("User 2").await?, None, "a label is exact");
    assert_eq!(store.users(UserId::default(), 2).await?, [user(1), user(2)], "a page goes by id");
    assert_eq!(store.users(user(2).id, 2).await?, [user(3)], "a page goes on after its cursor");
    let harm = User { label: HARM.to_owned(), standing: Standing::Suspended, ..user(4) };
    store.add_user(&harm).await?;
    assert_eq!(store.user_by_label(HARM).await?, Some(harm), "a text is never a statement");
    for standing in [Standing::Suspended, Standing::Good] {
        assert!(store.set_standing(user(1).id, standing).await?, "a person's standing is set");
        assert_eq!(store.user(user(1).id).await?, Some(User { standing, ..user(1) }), "and seen at once");
    }
    assert!(!store.set_standing(user(9).id, Standing::Good).await?, "who is not there has none");
    Ok(())
}

/// The rules of [`Partners`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn partners<S: Partners>(store: &S) -> Result<(), StoreError> {
    for n in [2, 1] {
        store.add_partner(&partner(n)).await?;
    }
    let twins = [
        partner(1),
        Partner { name: partner(1).name, ..partner(9) },
        Partner { publishable_key: partner(1).publishable_key, ..partner(9) },
    ];
    for twin in twins {
        assert!(is_there(&store.add_partner(&twin).await), "id, name and publishable key are there once");
    }
    assert_eq!(store.partner(partner(1).id).await?, Some(partner(1)), "a partner is kept whole");
    assert_eq!(store.partner(partner(2).id).await?, Some(partner(2)), "and without a share of its own");
    assert_eq!(store.partner_by_name("app 2").await?, Some(partner(2)), "a name finds its partner");
    assert_eq!(store.partner_by_key("oc_pk_1").await?, Some(partner(1)), "a publishable key finds its partner");
    assert_eq!(store.partner_by_key(HARM).await?, None, "a text is never a statement");
    assert_eq!(store.partners(PartnerId::default(), 9).await?, [partner(1), partner(2)], "a page goes by id");
    assert_eq!(store.partners(partner(1).id, 9).await?, [partner(2)], "a page goes on after its cursor");
    Ok(())
}

/// The rules of [`Keys`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn keys<S: Users + Partners + Keys>(store: &S) -> Result<(), StoreError> {
    let orphan = store.add_key(&key(1)).await;
    assert!(matches!(orphan, Err(StoreError::Orphan)), "a key has a person");
    store.add_user(&user(1)).await?;
    let orphan = store.add_key(&key(1)).await;
    assert!(matches!(orphan, Err(StoreError::Orphan)), "a partner that is named is there");
    store.add_partner(&partner(1)).await?;
    let rates = Rates::default();
    let bare =
        Key { partner: None, expires_at: None, limit: None, allowed_models: None, rates, disabled: false, ..key(2) };
    let none = Key { allowed_models: Some(vec![]), ..key(3) };
    for kept in [&bare, &key(1), &none] {
        store.add_key(kept).await?;
    }
    let twin = Key { digest: key(1).digest, ..key(9) };
    assert!(is_there(&store.add_key(&key(1)).await), "an id is there once");
    assert!(is_there(&store.add_key(&twin).await), "a digest is there once");
    assert_eq!(store.key(key(1).id).await?, Some(key(1)), "a key is kept whole");
    assert_eq!(store.key_by_digest(&secret(2).digest()).await?, Some(bare.clone()), "a digest finds its key");
    assert_eq!(store.key_by_digest(&secret(9).digest()).await?, None, "another digest finds none");
    assert_eq!(store.keys_of(user(1).id).await?, [key(1), bare, none], "a person's keys go by id");
    assert_eq!(store.keys_of(user(2).id).await?, [], "and are no other person's");
    let mut edited = Key { name: "desk".to_owned(), limit: Some(limit(8)), disabled: false, ..key(1) };
    assert!(store.update_key(&edited).await?, "a key in force is changed");
    assert_eq!(store.key(key(1).id).await?, Some(edited.clone()), "in all that may change");
    assert!(!store.update_key(&key(9)).await?, "what is not there is not changed");
    edited = key(1);
    assert!(store.update_key(&edited).await?, "and is changed back");
    let page = store.keys_in_force(user(1).id, key(1).id, 1).await?;
    assert_eq!(page.iter().map(|key| key.id).collect::<Vec<_>>(), [key(2).id], "a page goes on after its cursor");
    assert!(store.revoke_key(key(1).id, NOW).await?, "a key in force is revoked");
    let later = NOW.saturating_add_ms(1);
    assert!(!store.revoke_key(key(1).id, later).await?, "a key is revoked once");
    assert!(!store.revoke_key(key(9).id, NOW).await?, "what is not there is not revoked");
    let revoked = Key { revoked_at: Some(NOW), ..key(1) };
    assert_eq!(store.key_by_digest(&key(1).digest).await?, Some(revoked), "a revocation is seen at once");
    assert!(!store.update_key(&edited).await?, "a revoked key is not changed");
    assert_eq!(store.keys_in_force(user(1).id, KeyId::default(), 9).await?.len(), 2, "nor listed as in force");
    Ok(())
}

/// The rules of [`SpendingLimits`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn spending_limits<S: Users + Partners + Keys + SpendingLimits>(store: &S) -> Result<(), StoreError> {
    let (person, grant) = (LimitOwner::Person(user(1).id), LimitOwner::Grant(user(1).id, partner(1).id));
    let orphan = store.set_spending_limit(person, Some(limit(1))).await;
    assert!(matches!(orphan, Err(StoreError::Orphan)), "a limit has an owner");
    store.add_user(&user(1)).await?;
    store.add_partner(&partner(1)).await?;
    for owner in [person, grant] {
        assert_eq!(store.spending_limit(owner).await?, None, "there is none at first");
        store.set_spending_limit(owner, Some(limit(1))).await?;
        assert_eq!(store.spending_limit(owner).await?, Some(limit(1)), "a limit is kept whole");
        let other = SpendingLimit { reset: None, ..limit(2) };
        store.set_spending_limit(owner, Some(other)).await?;
        assert_eq!(store.spending_limit(owner).await?, Some(other), "and replaced");
    }
    assert_eq!(store.limits_with_reset(AccountId::default(), 9).await?, [], "these have no reset");
    store.set_spending_limit(person, Some(limit(3))).await?;
    store.set_spending_limit(grant, Some(limit(2))).await?;
    store.add_key(&key(1)).await?;
    let all = store.limits_with_reset(AccountId::default(), 9).await?;
    assert_eq!(all, [limit(1), limit(2), limit(3)], "limits of all owners go by account");
    assert_eq!(store.limits_with_reset(limit(1).account, 1).await?, [limit(2)], "a page goes on after its cursor");
    store.set_spending_limit(person, None).await?;
    store.set_spending_limit(grant, None).await?;
    assert_eq!(store.spending_limit(person).await?, None, "a limit is removed");
    assert_eq!(store.spending_limit(grant).await?, None, "a limit is removed");
    Ok(())
}

/// The rules of [`ManagementKeys`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn management_keys<S: Users + ManagementKeys>(store: &S) -> Result<(), StoreError> {
    let managing = |n: u8| ManagementKeyRecord {
        id: KeyId::at(NOW, [n; 10]),
        owner: user(1).id,
        digest: secret(n).digest(),
        hint: "hint".to_owned(),
        name: "console".to_owned(),
        created_at: NOW,
        revoked_at: None,
    };
    assert!(matches!(store.add_management_key(&managing(1)).await, Err(StoreError::Orphan)), "a key has a person");
    store.add_user(&user(1)).await?;
    store.add_management_key(&managing(2)).await?;
    store.add_management_key(&managing(1)).await?;
    assert!(is_there(&store.add_management_key(&managing(1)).await), "an id is there once");
    assert_eq!(store.management_key(&secret(1).digest()).await?, Some(managing(1)), "a digest finds its key");
    assert_eq!(store.management_key(&secret(9).digest()).await?, None, "another digest finds none");
    assert_eq!(store.management_keys_of(user(1).id).await?, [managing(1), managing(2)], "keys go by id");
    let revoked = ManagementKeyRecord { revoked_at: Some(NOW), ..managing(1) };
    assert_eq!(store.revoke_management_key(managing(1).id, NOW).await?, Some(revoked.clone()), "a key is revoked");
    let later = NOW.saturating_add_ms(1);
    assert_eq!(store.revoke_management_key(managing(1).id, later).await?, Some(revoked.clone()), "once");
    assert_eq!(store.revoke_management_key(managing(9).id, NOW).await?, None, "what is not there is not revoked");
    assert_eq!(store.management_key(&secret(1).digest()).await?, Some(revoked), "a revocation is seen at once");
    Ok(())
}

/// The rules of [`AuditLog`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn audit_log<S: AuditLog>(store: &S) -> Result<(), StoreError> {
    let record = |n: u8| AuditRecord {
        id: EntryId::at(NOW, [n; 10]),
        at: NOW,
        actor: "operator".to_owned(),
        action: "user.suspend".to_owned(),
        subject: user(n).id.to_string(),
        detail: HARM.to_owned(),
    };
    store.add_audit(&record(2)).await?;
    store.add_audit(&record(1)).await?;
    assert!(is_there(&store.add_audit(&record(1)).await), "a record is there once");
    assert_eq!(store.audits(EntryId::default(), 9).await?, [record(1), record(2)], "records go by id");
    assert_eq!(store.audits(record(1).id, 1).await?, [record(2)], "a page goes on after its cursor");
    Ok(())
}

/// The rules of [`Claims`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn claims<S: Claims>(store: &S) -> Result<(), StoreError> {
    let [first, second] = [1, 2].map(|n| GenerationId::at(NOW, [n; 10]));
    let digest = [1; 32];
    assert_eq!(store.claim(&digest, first, NOW).await?, Claim::New, "who comes first gets it");
    assert_eq!(store.claim(&digest, second, NOW).await?, Claim::Before(first), "who comes next is told");
    assert_eq!(store.claim(&[2; 32], second, NOW).await?, Claim::New, "another key is another claim");
    assert_eq!(store.claimed_at(&digest).await?, Some(NOW), "its time is known");
    assert_eq!(store.claimed_at(&[3; 32]).await?, None, "where there is one");
    assert_eq!(store.claim(&[3; 32], first, NOW).await?, Claim::New);
    assert!(!store.release_claim(&[3; 32], second).await?, "nobody frees another's claim");
    assert_eq!(store.claim(&[3; 32], second, NOW).await?, Claim::Before(first), "which stays");
    assert!(store.release_claim(&[3; 32], first).await?, "who made a claim frees it");
    assert!(!store.release_claim(&[3; 32], first).await?, "once");
    assert_eq!(store.claimed_at(&[3; 32]).await?, None, "and it is gone at once");
    assert_eq!(store.claim(&[3; 32], second, NOW).await?, Claim::New, "for whoever comes next");
    assert!(store.take_over(&digest, first, second, NOW.saturating_add_ms(1)).await?, "a claim is handed on");
    assert_eq!(store.claimed_at(&digest).await?, Some(NOW.saturating_add_ms(1)), "as if made then");
    assert!(!store.release_claim(&digest, first).await?, "and is not the first one's any more");
    assert!(!store.take_over(&digest, first, second, NOW.saturating_add_ms(1)).await?, "once");
    assert_eq!(store.claim(&digest, first, NOW).await?, Claim::Before(second), "and is the next one's then");
    store.forget_claims(NOW.saturating_add_ms(1)).await?;
    assert_eq!(store.claim(&digest, first, NOW).await?, Claim::Before(second), "what was handed on is young again");
    assert_eq!(store.claim(&[2; 32], first, NOW).await?, Claim::New, "what is old is forgotten");
    store.forget_claims(NOW.saturating_add_ms(2)).await?;
    assert_eq!(store.claim(&digest, first, NOW).await?, Claim::New, "what is old is forgotten");
    Ok(())
}

/// The rules of [`Settings`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn settings<S: Settings>(store: &S) -> Result<(), StoreError> {
    assert_eq!(store.setting("secret", b"a").await?, b"a", "the first value is kept");
    assert_eq!(store.setting("secret", b"b").await?, b"a", "and stays");
    assert_eq!(store.setting("other", b"").await?, b"", "nothing is a value too");
    assert_eq!(store.setting("other", b"b").await?, b"", "and stays");
    Ok(())
}

/// A request of the first person's `n`th key, so many ms after [`NOW`].
fn used(n: u8, ms: u64) -> UsedRequest {
    let id = GenerationId::at(NOW.saturating_add_ms(ms), [n; 10]);
    let sums = UsageSums { requests: 1, input_tokens: 7, charged: NanoUsd::new(3), ..UsageSums::default() };
    UsedRequest { id, key: key(n).id, model: "a/b".to_owned(), vendor: "v".to_owned(), sums }
}

/// The rules of [`UsageModel`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn usage_model<S: Users + Partners + Keys + UsageModel>(store: &S) -> Result<(), StoreError> {
    store.add_user(&user(1)).await?;
    store.add_partner(&partner(1)).await?;
    store.add_key(&key(1)).await?;
    let day = UnixMs::DAY_MS;
    assert_eq!(store.place().await?, [0; 0], "a model begins nowhere");
    // The last one appears below the first: a long request.
    let requests = vec![used(1, day), used(1, 2 * day), used(9, day), used(1, 0)];
    let transfer = |ms, n| AccountTransfer {
        account: user(1).wallet,
        at: NOW.saturating_add_ms(ms),
        entry: EntryId::from_bits(n),
        returned: NanoUsd::new(i64::try_from(n).unwrap_or_default()),
        paid_out: if n == 2 { NanoUsd::new(7) } else { NanoUsd::ZERO },
    };
    let transfers = vec![transfer(5, 2), transfer(5, 1), transfer(0, 3)];
    let first = UsageChange { to: vec![1], requests, transfers, ..UsageChange::default() };
    assert!(store.apply(first.clone()).await?, "a change at its place is applied");
    assert!(!store.apply(first).await?, "and not again");
    assert_eq!(store.place().await?, [1], "the place is that of the change");
    let query = |of, by: &[UsageBy]| {
        let (filter, order) = (UsageFilter::of(of), UsageOrder::Newest);
        UsageQuery { filter, days: Days::ALL, by: by.to_vec(), order, max: 9 }
    };
    let groups = store.sums(query(UsageOf::User(user(1).id), &[UsageBy::Day])).await?;
    let days: Vec<_> = groups.iter().map(|group| group.day).collect();
    let today = NOW.day();
    assert_eq!(days, [Some(today + 2), Some(today + 1), Some(today)], "the latest day is first");
    let sums = UsageSums { requests: 3, input_tokens: 21, charged: NanoUsd::new(9), ..UsageSums::default() };
    let expect = UsageGroup { partner: Some(partner(1).id), sums, ..UsageGroup::default() };
    let by_partner = store.sums(query(UsageOf::Key(key(1).id), &[UsageBy::Partner])).await?;
    assert_eq!(by_partner, [expect], "the partner is the key's");
    assert_eq!(store.sums(query(UsageOf::User(user(2).id), &[])).await?, [], "and nobody else's");
    let of = |of| store.requests(UsageFilter::of(of), (RequestMark::default(), RequestMark::MAX), 9);
    let all: Vec<_> = of(UsageOf::All).await?.iter().map(|request| (request.mark, request.key)).collect();
    let expect = [(1, 2 * day), (9, day), (1, day), (1, 0)];
    assert_eq!(all, expect.map(|(n, ms)| (RequestMark::of(used(n, ms).id), key(n).id)), "requests go by mark");
    let span = (RequestMark::at(NOW), RequestMark::of(used(1, 2 * day).id));
    let page = store.requests(UsageFilter::of(UsageOf::User(user(1).id)), span, 1).await?;
    let marks: Vec<_> = page.iter().map(|request| request.mark).collect();
    assert_eq!(marks, [RequestMark::of(used(1, day).id)], "a page goes on before its cursor");
    let end = (UnixMs::new(u64::MAX), EntryId::default());
    let money = store.transfers(user(1).wallet, (UnixMs::default(), end), 2).await?;
    assert_eq!(money, [transfer(5, 2), transfer(5, 1)], "the newest transfer is first");
    let rest = store
        .transfers(user(1).wallet, (UnixMs::default(), (NOW.saturating_add_ms(5), EntryId::from_bits(1))), 2)
        .await?;
    assert_eq!(rest, [transfer(0, 3)], "a page goes on before its cursor");
    let all_times = (UnixMs::default(), UnixMs::new(u64::MAX));
    assert_eq!(store.moved(user(1).wallet, all_times).await?, (NanoUsd::new(6), NanoUsd::new(7)), "sums of transfers");
    let early = (UnixMs::default(), NOW.saturating_add_ms(5));
    assert_eq!(store.moved(user(1).wallet, early).await?, (NanoUsd::new(3), NanoUsd::ZERO), "in a time");
    assert_eq!(store.payouts(user(1).wallet, 9).await?, [transfer(5, 2)], "those that paid out");
    let anew = UsageChange { from: vec![1], to: vec![2], restart: true, ..UsageChange::default() };
    assert!(store.apply(anew).await?, "a model may begin anew");
    assert_eq!(
        (of(UsageOf::All).await?, store.sums(query(UsageOf::All, &[])).await?),
        (vec![], vec![]),
        "with nothing"
    );
    Ok(())
}
