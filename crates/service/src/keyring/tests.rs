//! What the key ring remembers, and for how long.

use super::*;
use async_trait::async_trait;
use opencredits_store::{SqliteStore, StoreError, User};
use tokio::sync::Notify;

/// A store that delays the result of a look-up by digest after reading it.
struct Pausing {
    store: SqliteStore,
    has_read: Notify,
    goes_on: Notify,
}

#[async_trait]
impl Keys for Pausing {
    async fn key_by_digest(&self, digest: &KeyDigest) -> Result<Option<Key>, StoreError> {
        let found = self.store.key_by_digest(digest).await;
        self.has_read.notify_one();
        self.goes_on.notified().await;
        found
    }

    async fn add_key(&self, key: &Key) -> Result<(), StoreError> {
        self.store.add_key(key).await
    }

    async fn key(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        self.store.key(id).await
    }

    async fn keys_of(&self, user: UserId) -> Result<Vec<Key>, StoreError> {
        self.store.keys_of(user).await
    }

    async fn revoke_key(&self, id: KeyId, now: UnixMs) -> Result<bool, StoreError> {
        self.store.revoke_key(id, now).await
    }

    async fn update_key(&self, key: &Key) -> Result<bool, StoreError> {
        self.store.update_key(key).await
    }

    async fn keys_in_force(&self, user: UserId, after: KeyId, max: u32) -> Result<Vec<Key>, StoreError> {
        self.store.keys_in_force(user, after, max).await
    }
}

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> UnixMs {
        UnixMs::new(1)
    }
}

async fn with_a_key(store: &SqliteStore) -> Key {
    let id = UserId::from_bits(1);
    let (wallet, label, created_at) = (AccountId::from_bits(2), "Ada".to_owned(), UnixMs::new(1));
    store.add_user(&User { id, wallet, label, created_at, standing: Standing::Good }).await.unwrap();
    let secret = opencredits_keys::UserKey::generate([7; 32]);
    let key = Key {
        id: KeyId::from_bits(3),
        user: id,
        partner: None,
        digest: secret.digest(),
        hint: secret.hint().to_owned(),
        name: "laptop".to_owned(),
        created_at,
        revoked_at: None,
        expires_at: None,
        limit: None,
        allowed_models: None,
        rates: Rates::default(),
        disabled: false,
    };
    store.add_key(&key).await.unwrap();
    key
}

#[tokio::test]
async fn a_look_up_that_began_before_a_revocation_is_not_remembered_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
    let key = with_a_key(&store).await;
    let pausing = Arc::new(Pausing { store: store.clone(), has_read: Notify::new(), goes_on: Notify::new() });
    let tables = KeyTables { keys: pausing.clone(), ..KeyTables::of(store.clone()) };
    let ring = KeyRing::new(tables, Arc::new(Stopped), BasisPoints::ZERO);
    let revoked = async {
        pausing.has_read.notified().await;
        store.revoke_key(key.id, UnixMs::new(2)).await.unwrap();
        ring.forget_all();
        pausing.goes_on.notify_one();
    };
    let (before, ()) = tokio::join!(ring.spender(&key.digest), revoked);
    assert!(before.is_ok(), "it was in force when it was asked for");
    pausing.goes_on.notify_one();
    let after = ring.spender(&key.digest).await;
    assert!(matches!(after, Err(Fault::Key(KeyFault::Unknown))), "{:?}", after.err());
    let remembered = ring.spender(&key.digest).await;
    assert!(remembered.is_err(), "and that is remembered");
}

/// The entropy of a start.
struct Started(u8);

impl Entropy for Started {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

#[tokio::test(start_paused = true)]
async fn changes_of_a_person_are_counted_by_all_processes_together() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
    let rings = [1, 2].map(|start| {
        let ring = KeyRing::new(KeyTables::of(store.clone()), Arc::new(Stopped), BasisPoints::ZERO);
        ring.with_shared_rates(Arc::new(store.clone()), ("gateway", &Started(start) as &dyn Entropy))
    });
    let person = |n| {
        let (user, wallet) = (UserId::from_bits(n), AccountId::from_bits(n));
        Manager { user, wallet, actor: Actor::Manager(KeyId::from_bits(9)) }
    };
    let mut admitted = 0;
    for n in 0..80 {
        admitted += usize::from(rings[n % 2].admit_change(person(1)).await.is_ok());
    }
    assert_eq!(admitted, 60);
    assert!(rings[0].admit_change(person(2)).await.is_ok(), "those of another person are counted apart");
}

#[tokio::test]
async fn promise_08_a_key_is_remembered_for_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).unwrap();
    let ring = KeyRing::new(KeyTables::of(store), Arc::new(Stopped), BasisPoints::ZERO);
    assert_eq!(ring.cache.policy().time_to_live(), Some(Duration::from_secs(60)));
}
