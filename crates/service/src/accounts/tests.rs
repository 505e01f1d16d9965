//! The operator's use cases, on a ledger in memory and a store in a folder.

use super::*;
use crate::books;
use opencredits_ledger::{Balance, Ledger, LedgerError, PlaceHold, Replay};
use opencredits_store::{Rates, SqliteStore, Standing, StoreError, User};
use opencredits_units::{BasisPoints, EntryId, KeyId, NanoUsd, PartnerId, UserId};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

pub(super) const DOLLAR: NanoUsd = NanoUsd::new(1_000_000_000);

/// A clock that advances by a millisecond at each reading.
struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> UnixMs {
        UnixMs::new(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}

pub(super) struct Fixture {
    pub(super) accounts: Accounts,
    changes: Arc<AtomicU64>,
    pub(super) store: SqliteStore,
    _dir: tempfile::TempDir,
}

pub(super) async fn house() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path().join("store.db")).unwrap();
    let changes = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&changes);
    let accounts = Accounts::new(
        Ledger::in_memory().unwrap(),
        Tables::of(store.clone()),
        Arc::new(Ticking(AtomicU64::new(1_790_000_000_000))),
        Arc::new(Counting(AtomicU8::new(1))),
    );
    let accounts = accounts.on_change(move || {
        seen.fetch_add(1, Ordering::SeqCst);
    });
    accounts.ensure_system_accounts().await.unwrap();
    Fixture { accounts, changes, store, _dir: dir }
}

pub(super) fn user(label: &str) -> NewUser {
    NewUser { id: None, label: label.to_owned() }
}

pub(super) fn key(user: UserId) -> NewKey {
    NewKey {
        user,
        partner: None,
        name: "laptop".to_owned(),
        limit: None,
        expires_at: None,
        allowed_models: None,
        rates: Rates::default(),
    }
}

pub(super) fn grant(user: UserId, id: Option<EntryId>) -> Grant {
    Grant { user, amount: DOLLAR, id, reason: "welcome".to_owned() }
}

#[tokio::test]
async fn the_accounts_of_the_house_are_opened_once_however_often() {
    let Fixture { accounts, .. } = house().await;
    accounts.ensure_system_accounts().await.unwrap();
    assert_eq!(accounts.ledger().accounts().await.unwrap().len(), books::NAMES.len());
}

#[tokio::test]
async fn a_person_is_found_by_id_and_by_label() {
    let Fixture { accounts, .. } = house().await;
    let ada = accounts.add_user(user("Ada")).await.unwrap();
    accounts.add_user(user("Grace")).await.unwrap();
    assert_eq!(accounts.find_user("Ada").await.unwrap(), ada);
    assert_eq!(accounts.find_user(&ada.id.to_string()).await.unwrap(), ada);
    let listed = accounts.list_users(ada.id, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(accounts.balance("Ada").await.unwrap().balance, Balance::default());
}

#[tokio::test]
async fn who_is_not_there_is_named_and_the_remedy_too() {
    let Fixture { accounts, .. } = house().await;
    let error = accounts.find_user("Eve").await.unwrap_err().to_string();
    assert_eq!(error, "no user Eve; list users with `opencredits-admin user list`");
    let error = accounts.find_partner("App").await.unwrap_err().to_string();
    assert_eq!(error, "no partner App; list partners with `opencredits-admin partner list`");
    let error = accounts.revoke_key(KeyId::default()).await.unwrap_err();
    assert!(matches!(error, AccountsError::NoKey { .. }));
}

#[tokio::test]
async fn adding_a_person_again_under_their_id_changes_nothing() {
    let Fixture { accounts, .. } = house().await;
    let id = Some(UserId::from_bits(77));
    let new = NewUser { id, ..user("Ada") };
    let first = accounts.add_user(new.clone()).await.unwrap();
    assert_eq!(accounts.add_user(new).await.unwrap(), first);
    let opened = accounts.ledger().accounts().await.unwrap().len();
    assert_eq!(opened, books::NAMES.len() + 1, "and opens no second wallet");
    let other = accounts.add_user(user("Ada")).await.unwrap_err();
    assert!(matches!(other, AccountsError::UserExists { id, .. } if id == first.id));
    let renamed = NewUser { id, ..user("Bea") };
    let error = accounts.add_user(renamed).await.unwrap_err();
    assert!(matches!(error, AccountsError::UserExists { .. }));
}

#[tokio::test]
async fn names_that_nobody_could_read_are_refused() {
    let Fixture { accounts, .. } = house().await;
    for label in ["", "  ", "a\nb", &"x".repeat(201), &UserId::from_bits(1).to_string()] {
        let error = accounts.add_user(user(label)).await.unwrap_err();
        assert!(matches!(error, AccountsError::Invalid { field: "the label", .. }), "{label:?}");
    }
}

#[tokio::test]
async fn credits_granted_twice_under_one_id_are_given_once() {
    let Fixture { accounts, .. } = house().await;
    let ada = accounts.add_user(user("Ada")).await.unwrap();
    let id = Some(EntryId::from_bits(500));
    let first = accounts.grant_credits(grant(ada.id, id)).await.unwrap();
    assert_eq!((first.replay, first.balance.available), (Replay::First, DOLLAR));
    let again = accounts.grant_credits(grant(ada.id, id)).await.unwrap();
    assert_eq!((again.replay, again.balance.available), (Replay::Finished, DOLLAR));
    let other = Grant { amount: NanoUsd::new(1), ..grant(ada.id, id) };
    let error = accounts.grant_credits(other).await.unwrap_err();
    assert!(matches!(error, AccountsError::Ledger(LedgerError::IdempotencyMismatch { .. })));
    let promotion = accounts.ledger().balance(books::PROMOTION).await.unwrap();
    assert_eq!(promotion.posted, NanoUsd::new(-1_000_000_000));
}

#[tokio::test]
async fn nothing_and_less_than_nothing_cannot_be_granted() {
    let Fixture { accounts, .. } = house().await;
    let ada = accounts.add_user(user("Ada")).await.unwrap();
    for amount in [NanoUsd::ZERO, NanoUsd::new(-1)] {
        let error = accounts.grant_credits(Grant { amount, ..grant(ada.id, None) }).await;
        assert!(matches!(error, Err(AccountsError::Invalid { field: "the amount", .. })));
    }
}

#[tokio::test]
async fn a_key_is_kept_as_its_digest_alone() {
    let Fixture { accounts, store, .. } = house().await;
    let ada = accounts.add_user(user("Ada")).await.unwrap();
    let (kept, secret) = accounts.add_key(key(ada.id)).await.unwrap();
    assert_eq!(kept.digest, secret.digest());
    assert_eq!(kept.hint, secret.hint());
    assert_eq!(store.key_by_digest(&secret.digest()).await.unwrap(), Some(kept.clone()));
    assert_eq!(accounts.list_keys(ada.id).await.unwrap(), [kept]);
}

#[tokio::test]
async fn who_remembers_keys_is_told_of_each_change() {
    let Fixture { accounts, changes, .. } = house().await;
    let ada = accounts.add_user(user("Ada")).await.unwrap();
    let (kept, _) = accounts.add_key(key(ada.id)).await.unwrap();
    assert_eq!(changes.load(Ordering::SeqCst), 1);
    let revoked = accounts.revoke_key(kept.id).await.unwrap();
    assert_eq!(changes.load(Ordering::SeqCst), 2);
    let again = accounts.revoke_key(kept.id).await.unwrap();
    assert_eq!(again.revoked_at, revoked.revoked_at, "the first revocation counts");
}

#[tokio::test]
async fn a_rich_wallet_does_not_help_a_poor_key() {
    let Fixture { accounts, .. } = house().await;
    let ada = accounts.add_user(user("Ada")).await.unwrap();
    accounts.grant_credits(grant(ada.id, None)).await.unwrap();
    let amount = NanoUsd::new(5_000_000);
    let new = NewKey { limit: Some(NewLimit { amount, reset: None }), ..key(ada.id) };
    let (kept, _) = accounts.add_key(new).await.unwrap();
    let limit = accounts.left_of(kept.limit).await.unwrap().unwrap();
    assert_eq!((limit.limit.amount, limit.available, limit.resets_at), (amount, amount, None));
    let hold = PlaceHold {
        id: EntryId::from_bits(9),
        payer: ada.wallet,
        limits: &[kept.limit.unwrap().account],
        amount: NanoUsd::new(5_000_001),
        expires_at: UnixMs::new(u64::MAX),
    };
    let refused = accounts.ledger().place_hold(hold, UnixMs::new(0)).accepted().await.map(|_| ());
    assert!(matches!(refused, Err(LedgerError::InsufficientFunds { account, .. }) if account != ada.wallet));
    assert!(accounts.verify().await.unwrap().is_clean());
}

#[tokio::test]
async fn a_key_that_could_never_be_used_is_refused() {
    let Fixture { accounts, .. } = house().await;
    let ada = accounts.add_user(user("Ada")).await.unwrap();
    let wrong = [
        NewKey { limit: Some(NewLimit { amount: NanoUsd::ZERO, reset: None }), ..key(ada.id) },
        NewKey { expires_at: Some(UnixMs::new(1)), ..key(ada.id) },
        NewKey { allowed_models: Some(vec![]), ..key(ada.id) },
        NewKey { allowed_models: Some(vec!["a\nb".to_owned()]), ..key(ada.id) },
        NewKey { name: String::new(), ..key(ada.id) },
    ];
    for new in wrong {
        let error = accounts.add_key(new.clone()).await.unwrap_err();
        assert!(matches!(error, AccountsError::Invalid { .. }), "{new:?}");
    }
    let nobody = accounts.add_key(key(UserId::default())).await;
    assert!(matches!(nobody, Err(AccountsError::NoUser { .. })));
    let partner = Some(PartnerId::default());
    let nobody = accounts.add_key(NewKey { partner, ..key(ada.id) }).await;
    assert!(matches!(nobody, Err(AccountsError::NoPartner { .. })));
}

#[tokio::test]
async fn a_partner_has_a_publishable_key_and_an_account_of_its_own() {
    let Fixture { accounts, .. } = house().await;
    let share = Some(BasisPoints::new(4_000));
    let new = NewPartner { name: "App".to_owned(), share, markup: None };
    let app = accounts.add_partner(new.clone()).await.unwrap();
    assert!(app.publishable_key.starts_with("oc_pk_"));
    assert_eq!(accounts.find_partner("App").await.unwrap(), app);
    assert_eq!(accounts.ledger().balance(app.earnings).await.unwrap(), Balance::default());
    let again = accounts.add_partner(new).await.unwrap_err();
    assert!(matches!(again, AccountsError::PartnerExists { .. }));
    let greedy = NewPartner { name: "B".to_owned(), share: Some(BasisPoints::new(10_001)), markup: None };
    assert!(accounts.add_partner(greedy).await.is_err());
    assert_eq!(accounts.list_partners(PartnerId::default(), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn entries_are_listed_page_by_page_and_by_account() {
    let Fixture { accounts, .. } = house().await;
    let ada = accounts.add_user(user("Ada")).await.unwrap();
    let bea = accounts.add_user(user("Bea")).await.unwrap();
    for bits in 1..=5 {
        let who = if bits == 3 { bea.id } else { ada.id };
        accounts.grant_credits(grant(who, Some(EntryId::from_bits(bits)))).await.unwrap();
    }
    let filter = EntryFilter { account: Some(ada.wallet) };
    let mut found = Vec::new();
    let always = (UnixMs::default(), None);
    let mut before = None;
    loop {
        let page = accounts.latest_entries(filter, always, before, 2).await.unwrap();
        found.extend(page.entries.iter().map(|entry| entry.id.bits()));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(found, [5, 4, 2, 1], "the newest first");
    let all = accounts.latest_entries(EntryFilter::default(), always, None, 100).await.unwrap();
    assert_eq!((all.entries.len(), all.next), (5, None));
    let later = (UnixMs::new(1), None);
    let none = accounts.latest_entries(EntryFilter::default(), later, None, 100).await.unwrap();
    assert_eq!(none.entries, [], "these ids are of the first millisecond");
    assert!(accounts.holds().await.unwrap().is_empty());
}

/// People on a store whose first insertion fails, as after a crash between two steps.
struct DiesOnce {
    store: SqliteStore,
    alive: AtomicBool,
}

#[async_trait::async_trait]
impl Users for DiesOnce {
    async fn add_user(&self, user: &User) -> Result<(), StoreError> {
        if self.alive.swap(true, Ordering::SeqCst) { self.store.add_user(user).await } else { Err(StoreError::Closing) }
    }
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.store.user(id).await
    }
    async fn user_by_label(&self, label: &str) -> Result<Option<User>, StoreError> {
        self.store.user_by_label(label).await
    }
    async fn users(&self, after: UserId, max: u32) -> Result<Vec<User>, StoreError> {
        self.store.users(after, max).await
    }
    async fn set_standing(&self, id: UserId, standing: Standing) -> Result<bool, StoreError> {
        self.store.set_standing(id, standing).await
    }
    async fn rename_user(&self, id: UserId, label: &str) -> Result<bool, StoreError> {
        self.store.rename_user(id, label).await
    }
}

#[tokio::test]
async fn a_process_that_dies_between_two_steps_leaves_books_that_add_up_and_the_request_can_be_repeated() {
    let Fixture { mut accounts, store, _dir, .. } = house().await;
    accounts.tables.users = Arc::new(DiesOnce { store, alive: AtomicBool::new(false) });
    let new = NewUser { id: Some(UserId::from_bits(77)), ..user("Ada") };
    let died = accounts.add_user(new.clone()).await.unwrap_err();
    assert!(matches!(died, AccountsError::Store(StoreError::Closing)));
    assert!(matches!(accounts.find_user("Ada").await, Err(AccountsError::NoUser { .. })));
    let ada = accounts.add_user(new).await.unwrap();
    accounts.grant_credits(grant(ada.id, None)).await.unwrap();
    assert_eq!(accounts.balance("Ada").await.unwrap().balance.available, DOLLAR);
    assert!(accounts.verify().await.unwrap().is_clean());
}

#[tokio::test]
async fn of_many_who_ask_for_one_label_at_once_one_gets_it() {
    let Fixture { accounts, _dir, .. } = house().await;
    let asking = (0..8).map(|_| accounts.add_user(user("Ada")));
    let outcomes = futures_util::future::join_all(asking).await;
    let (added, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    let [Ok(ada)] = added.as_slice() else { panic!("{} were added", added.len()) };
    for error in refused {
        assert!(matches!(error, Err(AccountsError::UserExists { id, .. }) if id == ada.id));
    }
}
