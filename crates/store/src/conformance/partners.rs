//! What partners have besides their record.

use super::{NOW, order, partner, user};
use crate::applications::{ApplicationState, PartnerApplication, PartnerApplications};
use crate::orders::Orders;
use crate::partners::{CommissionReturn, CommissionReturns, PartnerKeys, PublishableKeyRecord, PublishableKeys};
use crate::records::{Partner, PartnerKeyRecord, Standing};
use crate::traits::{Partners, StoreError, Users};
use opencredits_keys::PartnerKey;
use opencredits_units::{BasisPoints, KeyId, NanoUsd, PartnerId, UserId};

/// The rules of changes of [`Partners`].
///
/// # Errors
/// Those of the store.
///
/// # Panics
/// When a rule is broken.
pub async fn partner_changes(store: &(impl Partners + Users)) -> Result<(), StoreError> {
    store.add_user(&user(1)).await?;
    let changed = Partner {
        name: "renamed".to_owned(),
        share: Some(BasisPoints::new(1)),
        owner: Some(user(1).id),
        standing: Standing::Suspended,
        markup: None,
        ..partner(1)
    };
    assert!(!store.update_partner(&changed).await?, "there is none yet");
    store.add_partner(&partner(1)).await?;
    store.add_partner(&partner(2)).await?;
    let fixed = Partner { publishable_key: "oc_pk_9".to_owned(), ..changed.clone() };
    assert!(store.update_partner(&fixed).await?, "a partner is changed");
    assert_eq!(store.partner(partner(1).id).await?, Some(changed.clone()), "its keys and its account stay");
    assert_eq!(store.partner(partner(2).id).await?, Some(partner(2)), "the other one stays");
    assert_eq!(
        store.partners_owned_by(user(1).id, 9).await?,
        std::slice::from_ref(&changed),
        "its owner's partners are listed"
    );
    assert_eq!(store.partners_owned_by(user(1).id, 0).await?, [], "as many as are asked for");
    let taken = Partner { name: partner(2).name, ..changed.clone() };
    assert!(matches!(store.update_partner(&taken).await, Err(StoreError::Exists)), "a name is there once");
    let orphan = Partner { owner: Some(UserId::from_bits(9)), ..changed };
    assert!(matches!(store.update_partner(&orphan).await, Err(StoreError::Orphan)), "the owner exists");
    assert!(store.update_partner(&partner(1)).await?, "owner and suspension end");
    assert_eq!(store.partner(partner(1).id).await?, Some(partner(1)), "as it was");
    assert_eq!(store.partners_owned_by(user(1).id, 9).await?, [], "nobody owns a partner without an owner");
    Ok(())
}

/// The rules of [`CommissionReturns`].
///
/// # Errors
/// Those of the store.
///
/// # Panics
/// When a rule is broken.
pub async fn commission_returns(
    store: &(impl CommissionReturns + Orders + Partners + Users),
) -> Result<(), StoreError> {
    store.add_user(&user(1)).await?;
    for n in [1, 2] {
        store.add_partner(&partner(n)).await?;
        store.add_order(&order(n)).await?;
    }
    let parts = |amounts: [i64; 2]| -> Vec<(PartnerId, NanoUsd)> {
        [1, 2].into_iter().zip(amounts).map(|(n, amount)| (partner(n).id, NanoUsd::new(amount))).collect()
    };
    let of = |n: u8, booking: u32, owed: i64, amounts: [i64; 2]| CommissionReturn {
        order: order(n).id,
        booking,
        user: user(1).id,
        owed: NanoUsd::new(owed),
        parts: parts(amounts),
    };
    assert_eq!(store.commission_return(order(1).id, 1).await?, None, "nothing is decided");
    let first = of(1, 1, 100, [10, 20]);
    assert_eq!(store.keep_commission_return(&first).await?, first, "a decision is stored");
    let other = of(1, 1, 50, [5, 5]);
    assert_eq!(store.keep_commission_return(&other).await?, first, "and never changes");
    assert_eq!(store.commission_return(order(1).id, 1).await?, Some(first.clone()), "it is found");
    let back = of(1, 2, -40, [-4, -8]);
    let second = of(2, 1, 7, [1, 2]);
    let none = CommissionReturn { parts: Vec::new(), ..of(2, 2, 0, [0, 0]) };
    for kept in [&back, &second, &none] {
        store.keep_commission_return(kept).await?;
    }
    assert_eq!(store.commission_returned_of(order(1).id).await?, [first, back], "by order and booking");
    assert_eq!(store.commission_returned_of(order(2).id).await?, [second, none], "also without parts");
    assert_eq!(store.commission_returned_for(user(1).id).await?, parts([7, 14]), "their sums by person");
    assert_eq!(store.commission_returned_for(UserId::from_bits(9)).await?, [], "of that person");
    assert_eq!(store.commission_owed_by(user(1).id).await?, NanoUsd::new(100 - 40 + 7), "what the person owes");
    assert_eq!(store.commission_owed_by(UserId::from_bits(9)).await?, NanoUsd::ZERO, "nobody else does");
    Ok(())
}

/// The rules of [`PartnerKeys`].
///
/// # Errors
/// Those of the store.
///
/// # Panics
/// When a rule is broken.
pub async fn partner_keys(store: &(impl PartnerKeys + Partners)) -> Result<(), StoreError> {
    let key = |n: u8| {
        let secret = PartnerKey::generate([n; 32]);
        PartnerKeyRecord {
            id: KeyId::at(NOW, [n; 10]),
            owner: partner(1).id,
            digest: secret.digest(),
            hint: secret.hint().to_owned(),
            name: "reports".to_owned(),
            created_at: NOW,
            revoked_at: None,
        }
    };
    assert!(matches!(store.add_partner_key(&key(1)).await, Err(StoreError::Orphan)), "its partner exists");
    store.add_partner(&partner(1)).await?;
    store.add_partner_key(&key(1)).await?;
    store.add_partner_key(&key(2)).await?;
    let same = PartnerKeyRecord { digest: key(2).digest, ..key(3) };
    assert!(matches!(store.add_partner_key(&same).await, Err(StoreError::Exists)), "a key is there once");
    assert_eq!(store.partner_key(&key(1).digest).await?, Some(key(1)), "a digest finds its key");
    assert_eq!(store.partner_key(&key(9).digest).await?, None, "and no other");
    assert_eq!(store.partner_keys_of(partner(1).id).await?, [key(1), key(2)], "by id");
    let revoked = PartnerKeyRecord { revoked_at: Some(NOW), ..key(1) };
    assert_eq!(store.revoke_partner_key(key(1).id, NOW).await?, Some(revoked.clone()), "it is revoked");
    let later = NOW.saturating_add_ms(5);
    assert_eq!(store.revoke_partner_key(key(1).id, later).await?, Some(revoked), "once");
    assert_eq!(store.revoke_partner_key(key(9).id, NOW).await?, None, "an unknown one is nothing");
    Ok(())
}

/// The rules of [`PublishableKeys`].
///
/// # Errors
/// Those of the store.
///
/// # Panics
/// When a rule is broken.
pub async fn publishable_keys(store: &(impl PublishableKeys + Partners)) -> Result<(), StoreError> {
    let key = |n: u8| PublishableKeyRecord {
        id: KeyId::at(NOW, [n; 10]),
        partner: partner(1).id,
        key: format!("oc_pk_of_{n}"),
        name: "web".to_owned(),
        origins: vec!["https://a.example".to_owned(), "https://b.example".to_owned()],
        redirect_urls: vec!["https://a.example/back".to_owned()],
        created_at: NOW.saturating_add_ms(1),
        revoked_at: None,
    };
    assert!(matches!(store.add_publishable_key(&key(9)).await, Err(StoreError::Orphan)), "its partner exists");
    store.add_partner(&partner(1)).await?;
    let first = store.publishable_key(&partner(1).publishable_key).await?;
    assert_eq!(first.as_ref().map(|first| first.partner), Some(partner(1).id), "the first comes with the partner");
    store.add_publishable_key(&key(9)).await?;
    let same = PublishableKeyRecord { key: key(9).key, ..key(8) };
    assert!(matches!(store.add_publishable_key(&same).await, Err(StoreError::Exists)), "a text is there once");
    assert_eq!(store.publishable_key(&key(9).key).await?, Some(key(9)), "it is found by its text");
    assert_eq!(store.publishable_key_by_id(key(9).id).await?, Some(key(9)), "and by its id");
    assert_eq!(store.publishable_keys_of(partner(1).id).await?, [first.unwrap_or_else(|| key(0)), key(9)], "by id");
    assert_eq!(store.partner_by_key(&key(9).key).await?, Some(partner(1)), "each key finds the partner");
    let more =
        PublishableKeyRecord { origins: vec!["https://0.example".to_owned(), key(9).origins[1].clone()], ..key(8) };
    store.add_publishable_key(&more).await?;
    let all = ["https://0.example", "https://a.example", "https://b.example"];
    assert_eq!(store.publishable_origins(9).await?, all, "each origin is listed once");
    assert_eq!(store.publishable_origins(1).await?.len(), 1, "no more than asked for");
    let revoked = PublishableKeyRecord { revoked_at: Some(NOW), ..more.clone() };
    assert!(store.update_publishable_key(&revoked).await?);
    assert_eq!(store.publishable_origins(9).await?, key(9).origins, "those of a revoked key are not");
    let suspended = Partner { standing: Standing::Suspended, ..partner(1) };
    assert!(store.update_partner(&suspended).await?);
    assert!(store.publishable_origins(9).await?.is_empty(), "nor those of a suspended partner");
    assert!(store.update_partner(&partner(1)).await?);
    let changed = PublishableKeyRecord {
        name: "app".to_owned(),
        origins: Vec::new(),
        redirect_urls: vec!["com.example.app:/back".to_owned()],
        revoked_at: Some(NOW),
        ..key(9)
    };
    assert!(store.update_publishable_key(&changed).await?, "it is changed");
    assert_eq!(store.publishable_key_by_id(key(9).id).await?, Some(changed), "as it was asked");
    assert_eq!(store.partner_by_key(&key(9).key).await?, None, "a revoked one names nobody");
    assert!(!store.update_publishable_key(&key(7)).await?, "an unknown one is not");
    Ok(())
}

/// The rules of [`PartnerApplications`].
///
/// # Errors
/// Those of the store.
///
/// # Panics
/// When a rule is broken.
pub async fn applications(store: &(impl PartnerApplications + Users)) -> Result<(), StoreError> {
    let application = |n: u8| PartnerApplication {
        id: PartnerId::at(NOW, [n; 10]),
        applicant: user(1).id,
        name: format!("app {n}"),
        url: "https://app.example".to_owned(),
        origins: vec!["https://app.example".to_owned()],
        redirect_urls: Vec::new(),
        state: ApplicationState::Open,
        reason: String::new(),
        created_at: NOW,
        decided_at: None,
    };
    assert!(matches!(store.add_application(&application(1), 2).await, Err(StoreError::Orphan)), "its person exists");
    store.add_user(&user(1)).await?;
    assert!(store.add_application(&application(1), 2).await?);
    assert!(store.add_application(&application(2), 2).await?);
    assert!(!store.add_application(&application(3), 2).await?, "no more open ones than that");
    assert_eq!(store.application(application(1).id).await?, Some(application(1)));
    assert_eq!(store.application(application(3).id).await?, None);
    let no = ("no".to_owned(), NOW);
    assert!(store.decide_application(application(1).id, ApplicationState::Rejected, no.clone()).await?);
    assert!(!store.decide_application(application(1).id, ApplicationState::Approved, no).await?, "it is decided once");
    let (state, reason) = (ApplicationState::Rejected, "no".to_owned());
    let rejected = PartnerApplication { state, reason, decided_at: Some(NOW), ..application(1) };
    assert!(store.add_application(&application(3), 2).await?, "a decided one takes no place");
    let listed = |state| store.applications(state, PartnerId::default(), 9);
    assert_eq!(listed(None).await?, [rejected.clone(), application(2), application(3)], "by id");
    assert_eq!(listed(Some(ApplicationState::Open)).await?, [application(2), application(3)]);
    let after = store.applications(None, application(1).id, 1).await?;
    assert_eq!(after, [application(2)], "a page goes on after its cursor");
    assert_eq!(store.applications_of(user(1).id, 2).await?, [application(3), application(2)], "the newest first");
    Ok(())
}
