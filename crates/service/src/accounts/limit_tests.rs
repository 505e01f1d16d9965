//! Limits of keys and people, on a ledger in memory and a store in a folder.

use super::tests::{DOLLAR, Fixture, grant, house, key, user};
use super::*;
use crate::limits::{BegunUntil, LimitBalance};
use crate::period::Period;
use opencredits_ledger::{Capture, Leg, OnShortfall, PlaceHold, Transfer};
use opencredits_store::{Key, LimitOwner, LimitReset, Rates, SpendingLimit, User};
use opencredits_units::{EntryId, KeyId, NanoUsd, UnixMs};
use std::num::NonZeroU32;

const CENT: NanoUsd = NanoUsd::new(10_000_000);

fn cents(count: i64) -> NanoUsd {
    NanoUsd::new(CENT.get() * count)
}

fn limit(count: i64, reset: Option<LimitReset>) -> NewLimit {
    NewLimit { amount: cents(count), reset }
}

/// Spends so much of a limit.
fn spend(accounts: &Accounts, payer: &User, limit: &SpendingLimit, amount: NanoUsd) {
    let (id, now) = (EntryId::from_bits(u128::from(accounts.now().get()) << 80), accounts.now());
    let limits = [limit.account];
    let hold = PlaceHold { id, payer: payer.wallet, limits: &limits, amount, expires_at: now.saturating_add_ms(9_000) };
    let ledger = accounts.ledger.embedded().unwrap();
    ledger.place_hold(hold, now).unwrap().accepted();
    let legs = [Leg { to: books::PROVIDERS, amount, on_shortfall: OnShortfall::Full }];
    let capture = Capture { hold: id, legs: &legs, bad_debt: books::BAD_DEBT, memo: b"" };
    ledger.capture(capture, now).unwrap().accepted();
}

async fn left(accounts: &Accounts, limit: Option<SpendingLimit>) -> i64 {
    let LimitBalance { available, .. } = accounts.left_of(limit).await.unwrap().unwrap();
    available.get() / CENT.get()
}

async fn rich(house: &Fixture) -> User {
    let ada = house.accounts.add_user(user("Ada")).await.unwrap();
    house.accounts.grant_credits(grant(ada.id, None)).await.unwrap();
    ada
}

async fn edited(accounts: &Accounts, id: KeyId, edit: KeyEdit) -> Key {
    accounts.edit_key((id, None), edit, Actor::Operator).await.unwrap()
}

#[tokio::test]
async fn a_keys_limit_is_raised_lowered_and_removed_and_what_was_spent_stays_spent() {
    let house = house().await;
    let accounts = &house.accounts;
    let ada = rich(&house).await;
    let new = NewKey { limit: Some(limit(10, None)), ..key(ada.id) };
    let (key, _) = accounts.add_key(new).await.unwrap();
    spend(accounts, &ada, &key.limit.unwrap(), cents(4));
    for (amount, expect) in [(10, 6), (20, 16), (3, 0), (5, 1)] {
        let edit = KeyEdit { limit: Edit::Set(cents(amount)), ..KeyEdit::default() };
        let key = edited(accounts, key.id, edit).await;
        assert_eq!((left(accounts, key.limit).await, key.limit.unwrap().amount), (expect, cents(amount)));
        assert_eq!(accounts.key_in_force(key.id, Some(ada.id)).await.unwrap(), key, "the store has it");
    }
    let none = edited(accounts, key.id, KeyEdit { limit: Edit::Clear, ..KeyEdit::default() }).await;
    assert_eq!(none.limit, None);
    let reset = KeyEdit { limit_reset: Edit::Set(LimitReset::Daily), ..KeyEdit::default() };
    let refused = accounts.edit_key((key.id, None), reset, Actor::Operator).await;
    assert!(matches!(refused, Err(AccountsError::Invalid { field: "limit_reset", .. })));
    assert!(accounts.verify().await.unwrap().is_clean());
}

#[tokio::test]
async fn an_edit_changes_what_it_names_and_nothing_else() {
    let house = house().await;
    let accounts = &house.accounts;
    let ada = accounts.add_user(user("Ada")).await.unwrap();
    let rates = Rates { parallel_max: NonZeroU32::new(3), ..Rates::default() };
    let new = NewKey { limit: Some(limit(10, Some(LimitReset::Weekly))), rates, ..key(ada.id) };
    let (before, _) = accounts.add_key(new).await.unwrap();
    assert_eq!(edited(accounts, before.id, KeyEdit::default()).await, before);
    let edit = KeyEdit { requests_per_minute: Edit::Set(NonZeroU32::MIN), disabled: Some(true), ..KeyEdit::default() };
    let after = edited(accounts, before.id, edit).await;
    let rates = Rates { requests_per_minute: Some(NonZeroU32::MIN), ..rates };
    assert_eq!(after, Key { rates, disabled: true, ..before.clone() });
    let cleared = edited(accounts, before.id, KeyEdit { limit_reset: Edit::Clear, ..KeyEdit::default() }).await;
    let limit = cleared.limit.unwrap();
    assert_eq!((limit.reset, limit.account, limit.amount), (None, before.limit.unwrap().account, cents(10)));
    let bea = accounts.add_user(user("Bea")).await.unwrap();
    let refused = accounts.edit_key((before.id, Some(bea.id)), KeyEdit::default(), Actor::Operator).await;
    assert!(matches!(refused, Err(AccountsError::NoKey { .. })));
    accounts.revoke_key(before.id).await.unwrap();
    let refused = accounts.edit_key((before.id, None), KeyEdit::default(), Actor::Operator).await;
    assert!(matches!(refused, Err(AccountsError::NoKey { .. })));
}

#[tokio::test]
async fn another_period_counts_what_was_spent_until_its_first_boundary() {
    let house = house().await;
    let accounts = &house.accounts;
    let ada = rich(&house).await;
    let owner = LimitOwner::Person(ada.id);
    let set = |new| accounts.set_limit(owner, Some(new), Actor::Operator);
    let first = set(limit(10, Some(LimitReset::Monthly))).await.unwrap().unwrap().limit;
    spend(accounts, &ada, &first, cents(4));
    let daily = set(limit(10, Some(LimitReset::Daily))).await.unwrap().unwrap();
    assert_eq!(daily.available, cents(6), "this day began before the change");
    let tomorrow = Period::of(LimitReset::Daily, accounts.now()).until;
    assert_eq!(daily.resets_at, Some(tomorrow));
    accounts.renewals.renew(&accounts.ledger, &daily.limit, tomorrow).await.unwrap();
    assert_eq!(LimitBalance::of(&accounts.ledger, daily.limit, tomorrow).await.unwrap().available, cents(10));
    assert_eq!(accounts.limit(owner).await.unwrap().unwrap().limit, daily.limit);
}

#[tokio::test]
async fn a_spenders_limits_begin_anew_when_the_shortest_of_their_periods_ends() {
    let house = house().await;
    let accounts = &house.accounts;
    let ada = rich(&house).await;
    let daily = NewKey { limit: Some(limit(10, Some(LimitReset::Daily))), ..key(ada.id) };
    let daily = accounts.add_key(daily).await.unwrap().0.limit.unwrap();
    let monthly = limit(20, Some(LimitReset::Monthly));
    let monthly =
        accounts.set_limit(LimitOwner::Person(ada.id), Some(monthly), Actor::Operator).await.unwrap().unwrap().limit;
    spend(accounts, &ada, &daily, cents(4));
    let (limits, begun) = ([daily, monthly], BegunUntil::default());
    let tomorrow = Period::of(LimitReset::Daily, accounts.now()).until;
    for (now, expect) in [(accounts.now(), 6), (UnixMs::new(tomorrow.get() - 1), 6), (tomorrow, 10)] {
        accounts.renewals.renew_all(&accounts.ledger, limits.iter(), &begun, now).await.unwrap();
        let balance = LimitBalance::of(&accounts.ledger, daily, now).await.unwrap();
        assert_eq!(balance.available, cents(expect), "{now:?}");
    }
    assert!(accounts.verify().await.unwrap().is_clean());
}

#[tokio::test]
async fn a_limit_that_counted_in_one_account_with_all_others_is_replaced_when_it_changes() {
    let house = house().await;
    let accounts = &house.accounts;
    let ada = rich(&house).await;
    // As the version before made it.
    let (account, now) = (accounts.fresh_account(), accounts.now());
    accounts.open(account, Floor::Zero, Some(books::LIMITS)).await.unwrap();
    let id = EntryId::from_bits(77);
    let filled = Transfer { id, from: books::LIMITS, to: account, amount: cents(10), memo: b"key limit" };
    accounts.ledger.transfer(filled, now).accepted().await.unwrap();
    let old = SpendingLimit { account, amount: cents(10), reset: None, since: UnixMs::default() };
    let (plain, _) = accounts.add_key(key(ada.id)).await.unwrap();
    let kept = Key { limit: Some(old), ..plain };
    assert!(accounts.tables.keys.update_key(&kept).await.unwrap());
    spend(accounts, &ada, &old, cents(4));
    assert_eq!(left(accounts, Some(old)).await, 6);
    let edit = KeyEdit { limit: Edit::Set(cents(20)), limit_reset: Edit::Set(LimitReset::Daily), ..KeyEdit::default() };
    let after = edited(accounts, kept.id, edit).await;
    assert_eq!(left(accounts, after.limit).await, 16);
    assert_ne!(after.limit.unwrap().account, account);
    let lower = edited(accounts, kept.id, KeyEdit { limit: Edit::Set(cents(5)), ..KeyEdit::default() }).await;
    assert_eq!(left(accounts, lower.limit).await, 1, "what was spent before counts");
    assert!(accounts.verify().await.unwrap().is_clean());
    assert!(DOLLAR > cents(20));
}

#[tokio::test]
async fn a_limit_is_for_those_who_are_there_and_above_zero() {
    let house = house().await;
    let accounts = &house.accounts;
    let ada = accounts.add_user(user("Ada")).await.unwrap();
    let nobody = LimitOwner::Person(opencredits_units::UserId::default());
    let nothing = LimitOwner::Grant(ada.id, opencredits_units::PartnerId::default());
    for (owner, amount) in
        [(nobody, 1), (nothing, 1), (LimitOwner::Person(ada.id), 0), (LimitOwner::Person(ada.id), -1)]
    {
        assert!(accounts.set_limit(owner, Some(limit(amount, None)), Actor::Operator).await.is_err(), "{owner:?}");
    }
    assert_eq!(accounts.set_limit(LimitOwner::Person(ada.id), None, Actor::Operator).await.unwrap(), None);
    assert_eq!(accounts.limit(LimitOwner::Person(ada.id)).await.unwrap(), None);
}
