//! What apps got of people.

use super::{NOW, key, partner, user};
use crate::connections::{
    AgreedGrants, CodeGives, CodeRecord, ConnectedKey, ConnectedKeys, ConsentRecord, DeviceRecord, DeviceRequests,
    DeviceStanding, FamilyRecord, GrantId, TokenGrants,
};
use crate::identity::SessionId;
use crate::jobs::Retention;
use crate::partners::PublishableKeys;
use crate::traits::{Keys, Partners, StoreError, Users};
use opencredits_keys::KeyDigest;
use opencredits_units::{KeyId, NanoUsd, UnixMs};

const fn digest(n: u8) -> KeyDigest {
    KeyDigest::from_bytes([n; 32])
}

const fn family_id(n: u8) -> GrantId {
    GrantId::from_bits(n as u128)
}

fn later(ms: u64) -> UnixMs {
    NOW.saturating_add_ms(ms)
}

fn consent(n: u8, client_id: &str) -> ConsentRecord {
    let resources = vec!["https://credits.example/v1".to_owned()];
    let scopes = vec!["spend".to_owned(), "balance".to_owned()];
    ConsentRecord { client_id: client_id.to_owned(), user: user(n).id, scopes, resources }
}

fn code(n: u8) -> CodeRecord {
    CodeRecord {
        digest: digest(n),
        consent: consent(1, "oc_pk_1"),
        redirect_url: "https://app.example/back".to_owned(),
        challenge: [9; 32],
        family: family_id(n),
        gives: if n == 1 { CodeGives::Tokens } else { CodeGives::Key },
        cap: (n == 2).then_some(NanoUsd::new(5)),
        expires_at: later(60_000),
        used_at: None,
    }
}

fn family(n: u8) -> FamilyRecord {
    FamilyRecord {
        id: family_id(n),
        consent: consent(1, "oc_pk_1"),
        current: vec![digest(n)],
        replaced: None,
        created_at: NOW,
        refreshed_at: NOW,
        ends_at: later(1_000_000),
        revoked_at: None,
        version: 0,
    }
}

fn device(n: u8) -> DeviceRecord {
    DeviceRecord {
        digest: digest(n),
        user_code: digest(n + 100),
        client_id: "oc_pk_1".to_owned(),
        scopes: vec!["spend".to_owned()],
        resources: Vec::new(),
        expires_at: later(600_000),
        interval_ms: 5_000,
        polled_at: None,
        standing: DeviceStanding::Pending,
        version: 0,
    }
}

/// The rules of [`TokenGrants`].
///
/// # Errors
/// Those of the store.
///
/// # Panics
/// When a rule is broken.
pub async fn token_grants<S>(store: &S) -> Result<(), StoreError>
where
    S: TokenGrants + DeviceRequests + ConnectedKeys + Users + Partners + Keys,
{
    assert!(matches!(store.add_code(&code(1)).await, Err(StoreError::Orphan)), "the person exists");
    store.add_user(&user(1)).await?;
    for n in [1, 2] {
        store.add_code(&code(n)).await?;
        assert_eq!(store.code(&digest(n)).await?, Some(code(n)), "a code is found");
    }
    assert!(matches!(store.add_code(&code(1)).await, Err(StoreError::Exists)), "a code is there once");
    assert_eq!(store.code(&digest(9)).await?, None, "and no other is");
    assert!(store.use_code(&digest(1), NOW, Some(&family(1))).await?, "an unused code is used");
    let again = FamilyRecord { current: vec![digest(8)], ..family(8) };
    assert!(!store.use_code(&digest(1), later(1), Some(&again)).await?, "once");
    assert_eq!(store.family(family_id(8)).await?, None, "and begins no family then");
    assert_eq!(store.code(&digest(1)).await?.and_then(|code| code.used_at), Some(NOW), "the first time stays");
    assert!(store.use_code(&digest(2), NOW, None).await?, "a code may be used up for nothing");
    assert!(!store.use_code(&digest(9), NOW, None).await?, "no code is no code");
    assert_eq!(store.family(family_id(1)).await?, Some(family(1)), "a family is found");
    refreshed(store).await?;
    revoked(store).await?;
    ended(store).await
}

async fn refreshed<S: TokenGrants>(store: &S) -> Result<(), StoreError> {
    assert_eq!(store.family_of_token(&digest(1)).await?, Some(family(1)), "by its token, too");
    let next = FamilyRecord {
        current: vec![digest(3), digest(4)],
        replaced: Some((digest(1), later(5))),
        refreshed_at: later(5),
        ends_at: later(2_000_000),
        ..family(1)
    };
    assert!(store.update_family(&next).await?, "a family is changed");
    assert!(!store.update_family(&next).await?, "a version once");
    let next = FamilyRecord { version: 1, ..next };
    for n in [1, 3, 4] {
        assert_eq!(store.family_of_token(&digest(n)).await?, Some(next.clone()), "by each token that it ever had");
    }
    assert_eq!(store.family_of_token(&digest(9)).await?, None, "and by no other");
    Ok(())
}

async fn revoked<S: TokenGrants + ConnectedKeys + Keys + Partners>(store: &S) -> Result<(), StoreError> {
    store.add_partner(&partner(1)).await?;
    store.add_key(&key(1)).await?;
    let connected = ConnectedKey {
        key: key(1).id,
        user: user(1).id,
        client_id: "oc_pk_1".to_owned(),
        family: Some(family_id(1)),
        session: None,
        resources: Vec::new(),
    };
    assert!(store.connect_key(&connected).await?, "a family that lasts gets its key");
    assert_eq!(store.revoke_family(family_id(1), later(9)).await?, [key(1).id], "its keys are told");
    assert_eq!(store.revoke_family(family_id(1), later(10)).await?, [key(1).id], "each time");
    let found = store.family(family_id(1)).await?;
    let found = found.map(|family| (family.revoked_at, family.current.len(), family.version));
    assert_eq!(found, Some((Some(later(9)), 0, 2)), "it is revoked once, and has no token");
    assert_eq!(store.revoke_family(family_id(77), NOW).await?, [], "no family has no keys");
    Ok(())
}

/// What a person agreed to at a partner ends, and nothing else.
async fn ended<S: TokenGrants + DeviceRequests + Users + Partners>(store: &S) -> Result<(), StoreError> {
    store.add_partner(&partner(2)).await?;
    store.add_user(&user(2)).await?;
    let of = |n: u8, person: u8, client: &str| CodeRecord { consent: consent(person, client), ..code(n) };
    for (n, person, client) in [(20, 1, "oc_pk_1"), (21, 2, "oc_pk_1"), (22, 1, "oc_pk_2")] {
        store.add_code(&of(n, person, client)).await?;
        let with = of(n + 10, person, client);
        store.add_code(&with).await?;
        let begun = FamilyRecord { consent: with.consent, ..family(n + 10) };
        assert!(store.use_code(&digest(n + 10), NOW, Some(&begun)).await?, "it begins");
    }
    let approved = DeviceStanding::Approved { user: user(1).id, family: family_id(40) };
    store.add_device(&DeviceRecord { standing: approved, ..device(40) }, NOW, 10).await?;
    store.end_grants(user(1).id, partner(1).id, later(3)).await?;
    for (n, is_over) in [(20, true), (21, false), (22, false)] {
        assert_eq!(store.code(&digest(n)).await?.is_some_and(|code| code.used_at.is_some()), is_over, "code {n}");
        let family = store.family(family_id(n + 10)).await?;
        assert_eq!(family.is_some_and(|family| family.revoked_at.is_some()), is_over, "family {n}");
    }
    let standing = store.device(&digest(40)).await?.map(|device| device.standing);
    assert_eq!(standing, Some(DeviceStanding::Denied), "what a terminal was promised ends");
    Ok(())
}

/// The rules of [`DeviceRequests`].
///
/// # Errors
/// Those of the store.
///
/// # Panics
/// When a rule is broken.
pub async fn device_requests<S: DeviceRequests + TokenGrants + Users>(store: &S) -> Result<(), StoreError> {
    store.add_user(&user(1)).await?;
    assert!(store.add_device(&device(1), NOW, 2).await?, "a request is added");
    assert!(store.add_device(&device(2), NOW, 2).await?, "and another");
    assert!(!store.add_device(&device(3), NOW, 2).await?, "no more than there may be");
    let other = DeviceRecord { client_id: "oc_pk_2".to_owned(), ..device(4) };
    assert!(store.add_device(&other, NOW, 2).await?, "of one client");
    assert!(store.add_device(&device(3), later(600_000), 2).await?, "at once");
    let same_code = DeviceRecord { user_code: device(1).user_code, ..device(5) };
    assert!(matches!(store.add_device(&same_code, NOW, 9).await, Err(StoreError::Exists)), "a code is there once");
    assert_eq!(store.device(&digest(1)).await?, Some(device(1)), "it is found by its device code");
    assert_eq!(store.device_by_user_code(&digest(101)).await?, Some(device(1)), "and by its user code");
    assert_eq!(store.device(&digest(101)).await?, None, "and not by the other one");
    let approved = DeviceRecord {
        polled_at: Some(later(1)),
        interval_ms: 10_000,
        standing: DeviceStanding::Approved { user: user(1).id, family: family_id(1) },
        ..device(1)
    };
    assert!(store.update_device(&approved, None).await?, "it is changed");
    assert!(!store.update_device(&approved, Some(&family(1))).await?, "a version once");
    assert_eq!(store.family(family_id(1)).await?, None, "and then it begins nothing");
    let approved = DeviceRecord { version: 1, ..approved };
    assert_eq!(store.device(&digest(1)).await?, Some(approved.clone()), "as it was written");
    let redeemed = DeviceRecord { standing: DeviceStanding::Redeemed { family: family_id(1) }, ..approved };
    assert!(store.update_device(&redeemed, Some(&family(1))).await?, "with its family");
    assert_eq!(store.family(family_id(1)).await?, Some(family(1)), "that begins with it");
    Ok(())
}

/// The rules of [`ConnectedKeys`].
///
/// # Errors
/// Those of the store.
///
/// # Panics
/// When a rule is broken.
pub async fn connected_keys<S>(store: &S) -> Result<(), StoreError>
where
    S: ConnectedKeys + TokenGrants + DeviceRequests + Users + Partners + PublishableKeys + Keys + Retention,
{
    store.add_user(&user(1)).await?;
    store.add_partner(&partner(1)).await?;
    store.add_key(&key(1)).await?;
    let by_page = ConnectedKey {
        key: key(1).id,
        user: user(1).id,
        client_id: "oc_pk_1".to_owned(),
        family: None,
        session: Some(SessionId::from_bits(7)),
        resources: Vec::new(),
    };
    assert!(store.connect_key(&by_page).await?, "a key is connected");
    assert!(matches!(store.connect_key(&by_page).await, Err(StoreError::Exists)), "once");
    let none = ConnectedKey { key: KeyId::from_bits(5), ..by_page.clone() };
    assert!(matches!(store.connect_key(&none).await, Err(StoreError::Orphan)), "the key exists");
    assert_eq!(store.connected_key(key(1).id).await?, Some(by_page.clone()), "it is found");
    assert_eq!(store.connected_keys_of(user(1).id, NOW).await?, [(by_page, None)], "and listed");
    of_families(store).await?;
    redirects(store).await?;
    deleted(store).await
}

async fn of_families<S: ConnectedKeys + TokenGrants + Keys>(store: &S) -> Result<(), StoreError> {
    store.add_code(&code(1)).await?;
    assert!(store.use_code(&digest(1), NOW, Some(&family(1))).await?, "it begins");
    store.add_key(&key(3)).await?;
    let connected = ConnectedKey {
        key: key(3).id,
        user: user(1).id,
        client_id: "oc_pk_1".to_owned(),
        family: Some(family_id(1)),
        session: None,
        resources: Vec::new(),
    };
    assert!(store.connect_key(&connected).await?, "a family's key");
    assert_eq!(store.keys_of_family(family_id(1)).await?, [key(3).id], "is found by it");
    let ends = |found: Vec<(ConnectedKey, Option<UnixMs>)>| found.last().and_then(|(_, ends)| *ends);
    let listed = store.connected_keys_of(user(1).id, NOW).await?;
    assert_eq!(ends(listed), Some(family(1).ends_at), "while the family lasts");
    assert_eq!(ends(store.connected_keys_of(user(1).id, family(1).ends_at).await?), None, "and not after");
    store.revoke_family(family_id(1), NOW).await?;
    assert_eq!(ends(store.connected_keys_of(user(1).id, NOW).await?), None, "nor once it is revoked");
    store.revoke_key(key(3).id, NOW).await?;
    assert_eq!(store.connected_keys_of(user(1).id, NOW).await?.len(), 1, "a revoked key is not listed");
    store.add_key(&key(5)).await?;
    let late = ConnectedKey { key: key(5).id, ..connected };
    assert!(!store.connect_key(&late).await?, "a revoked family gets no key");
    assert_eq!(store.connected_key(key(5).id).await?, None, "and nothing is kept of it");
    Ok(())
}

async fn redirects<S: ConnectedKeys + PublishableKeys>(store: &S) -> Result<(), StoreError> {
    let keys = store.publishable_keys_of(partner(1).id).await?;
    assert_eq!(keys.len(), 1, "a partner has its first key");
    let Some(first) = keys.first().cloned() else { return Ok(()) };
    let redirect_urls = ["https://app.example/back", "https://b.example/%"].map(str::to_owned).to_vec();
    store.update_publishable_key(&crate::partners::PublishableKeyRecord { redirect_urls, ..first.clone() }).await?;
    for (url, is_there) in [
        ("https://app.example/back", true),
        ("https://app.example/bac", false),
        ("https://b.example/%", true),
        ("https://b.example/a", false),
        ("", false),
    ] {
        let expect: &[String] = if is_there { std::slice::from_ref(&first.key) } else { &[] };
        assert_eq!(store.clients_with_redirect(url).await?, expect, "{url}");
    }
    Ok(())
}

async fn deleted<S: ConnectedKeys + TokenGrants + DeviceRequests + Keys + Retention>(
    store: &S,
) -> Result<(), StoreError> {
    store.add_device(&device(1), NOW, 9).await?;
    store.add_key(&key(7)).await?;
    store.add_code(&code(6)).await?;
    assert!(store.use_code(&digest(6), NOW, Some(&family(6))).await?, "another one begins");
    let connected = ConnectedKey {
        key: key(7).id,
        user: user(1).id,
        client_id: "oc_pk_1".to_owned(),
        family: Some(family_id(6)),
        session: None,
        resources: Vec::new(),
    };
    assert!(store.connect_key(&connected).await?, "with its key");
    let resources = vec!["https://credits.example/v1".to_owned()];
    store.set_resources(connected.key, &resources).await?;
    let narrowed = store.connected_key(connected.key).await?.map(|key| key.resources);
    assert_eq!(narrowed, Some(resources), "a key may be for less than before");
    store.add_code(&code(7)).await?;
    assert_eq!(store.delete_ended_grants(NOW).await?, 0, "nothing is over");
    assert_eq!(store.delete_ended_grants(later(60_001)).await?, 1, "a code that came to nothing");
    assert!(store.code(&digest(1)).await?.is_some(), "one whose family is there stays");
    assert_eq!(store.delete_ended_grants(later(600_001)).await?, 1, "a terminal's request");
    assert_eq!(store.delete_ended_grants(later(1_000_001)).await?, 4, "two families with their codes");
    let of_family = store.key(key(7).id).await?;
    assert_eq!(of_family.and_then(|key| key.revoked_at), key(7).expires_at, "its expired key is revoked");
    assert_eq!(store.key(key(1).id).await?.and_then(|key| key.revoked_at), None, "and no other");
    assert_eq!(store.family_of_token(&digest(1)).await?, None, "and with its tokens");
    assert_eq!(store.keys_of_family(family_id(1)).await?.len(), 1, "the key's record stays, as the key does");
    Ok(())
}

/// The rules of [`AgreedGrants`].
///
/// # Errors
/// When the store refuses something valid.
///
/// # Panics
/// When a rule is broken.
pub async fn agreed_grants<S>(store: &S) -> Result<(), StoreError>
where
    S: AgreedGrants + TokenGrants + DeviceRequests + Users,
{
    store.add_user(&user(1)).await?;
    store.add_user(&user(2)).await?;
    let (ada, bob, first) = (user(1).id, user(2).id, GrantId::default());
    for n in [1, 2] {
        store.add_code(&code(n)).await?;
        assert!(store.use_code(&digest(n), NOW, Some(&family(n))).await?);
    }
    let mut asked = device(7);
    assert!(store.add_device(&asked, NOW, 9).await?);
    assert_eq!(store.devices_of(ada, first, 9).await?, [], "a request is nobody's before somebody agrees");
    asked.standing = DeviceStanding::Approved { user: ada, family: family_id(7) };
    assert!(store.update_device(&asked, None).await?);
    let ids = |codes: Vec<CodeRecord>| codes.iter().map(|code| code.family).collect::<Vec<_>>();
    assert_eq!(ids(store.codes_of(ada, first, 9).await?), [family_id(1), family_id(2)], "by family");
    assert_eq!(ids(store.codes_of(ada, family_id(1), 9).await?), [family_id(2)], "those after the cursor");
    assert_eq!(ids(store.codes_of(ada, first, 1).await?), [family_id(1)], "no more than asked for");
    let families = store.families_of(ada, first, 9).await?;
    assert_eq!(families.iter().map(|family| family.id).collect::<Vec<_>>(), [family_id(1), family_id(2)]);
    assert_eq!(store.families_of(ada, family_id(2), 9).await?, []);
    assert_eq!(store.devices_of(ada, first, 9).await?.len(), 1, "that of a device that they let in");
    assert_eq!(store.devices_of(ada, family_id(7), 9).await?, []);
    let of_bob = (store.codes_of(bob, first, 9).await?, store.families_of(bob, first, 9).await?);
    assert_eq!(of_bob, (vec![], vec![]), "others have none");
    Ok(())
}
