//! What a store promises, of every implementation.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use opencredits_keys::UserKey;
use opencredits_store::{
    Claim, Claims, Key, KeyLimit, Keys, Partner, Partners, Settings, SqliteStore, Standing, StoreError, UsageDay,
    UsageDays, User, Users,
};
use opencredits_units::{AccountId, BasisPoints, GenerationId, KeyId, NanoUsd, PartnerId, UnixMs, UserId};

const NOW: UnixMs = UnixMs::new(1_790_000_000_000);

fn user(n: u8) -> User {
    let wallet = AccountId::at(NOW, [n; 10]);
    User { id: UserId::at(NOW, [n; 10]), wallet, label: format!("user {n}"), created_at: NOW, standing: Standing::Good }
}

fn partner() -> Partner {
    Partner {
        id: PartnerId::at(NOW, [9; 10]),
        name: "App".into(),
        publishable_key: "oc_pk_x".into(),
        share: Some(BasisPoints::new(4_000)),
        earnings: AccountId::at(NOW, [8; 10]),
        created_at: NOW,
    }
}

fn key(n: u8) -> Key {
    let secret = UserKey::generate([n; 32]);
    Key {
        id: KeyId::at(NOW, [n; 10]),
        user: user(1).id,
        partner: Some(partner().id),
        digest: secret.digest(),
        hint: secret.hint().to_owned(),
        name: "laptop".into(),
        created_at: NOW,
        revoked_at: None,
        expires_at: Some(NOW.saturating_add_ms(5)),
        limit: Some(KeyLimit { account: AccountId::at(NOW, [7; 10]), amount: NanoUsd::new(5) }),
        allowed_models: Some(vec!["a/b".into(), "c/d".into()]),
    }
}

async fn conforms(store: &(impl Users + Partners + Keys + UsageDays + Claims + Settings)) {
    store.add_user(&user(1)).await.unwrap();
    store.add_user(&user(2)).await.unwrap();
    assert!(matches!(store.add_user(&user(1)).await, Err(StoreError::Exists)));
    assert_eq!(store.user(user(1).id).await.unwrap(), Some(user(1)));
    assert_eq!(store.users(user(1).id, 10).await.unwrap(), [user(2)]);

    store.add_partner(&partner()).await.unwrap();
    assert_eq!(store.partner_by_key("oc_pk_x").await.unwrap(), Some(partner()));
    assert_eq!(store.partner_by_key("' OR 1=1 --").await.unwrap(), None);
    assert_eq!(store.partners(PartnerId::default(), 10).await.unwrap(), [partner()]);

    store.add_key(&key(1)).await.unwrap();
    assert!(matches!(store.add_key(&key(1)).await, Err(StoreError::Exists)));
    assert_eq!(store.key_by_digest(&key(1).digest).await.unwrap(), Some(key(1)));
    assert_eq!(store.key_by_digest(&key(2).digest).await.unwrap(), None);
    assert!(store.revoke_key(key(1).id, NOW).await.unwrap());
    assert!(!store.revoke_key(key(1).id, NOW).await.unwrap(), "it was revoked before");
    assert_eq!(store.keys_of(user(1).id).await.unwrap()[0].revoked_at, Some(NOW));

    others_conform(store).await;
}

async fn others_conform(store: &(impl UsageDays + Claims + Settings)) {
    let day = UsageDay { key: key(1).id, day: 20_000, requests: 2, charged: NanoUsd::new(70) };
    store.add_usage(&[day, day]).await.unwrap();
    let twice = UsageDay { requests: 4, charged: NanoUsd::new(140), ..day };
    assert_eq!(store.usage_of(key(1).id).await.unwrap(), [twice]);

    let [first, second] = [1, 2].map(|n| GenerationId::at(NOW, [n; 10]));
    assert_eq!(store.claim(&[1; 32], first, NOW).await.unwrap(), Claim::New);
    assert_eq!(store.claim(&[1; 32], second, NOW).await.unwrap(), Claim::Before(first));
    assert!(store.take_over(&[1; 32], first, second).await.unwrap());
    assert!(!store.take_over(&[1; 32], first, second).await.unwrap());
    store.forget_claims(NOW.saturating_add_ms(1)).await.unwrap();
    assert_eq!(store.claim(&[1; 32], first, NOW).await.unwrap(), Claim::New);

    assert_eq!(store.setting("secret", b"a").await.unwrap(), b"a");
    assert_eq!(store.setting("secret", b"b").await.unwrap(), b"a", "the first value stays");
}

#[tokio::test]
async fn sqlite_keeps_what_it_is_given_and_again_after_it_was_closed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    conforms(&SqliteStore::open(&path).unwrap()).await;
    let again = SqliteStore::open(&path).unwrap();
    assert_eq!(again.user(user(2).id).await.unwrap(), Some(user(2)));
}

#[tokio::test]
async fn no_secret_is_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    conforms(&SqliteStore::open(&path).unwrap()).await;
    let secret = UserKey::generate([1; 32]);
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let found = bytes.windows(20).any(|window| secret.reveal().as_bytes().starts_with(window));
        assert!(!found);
    }
}
