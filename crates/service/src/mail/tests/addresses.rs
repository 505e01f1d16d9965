//! The operator's use cases about addresses.

use super::{ADDRESS, Office, ada};
use crate::accounts::{Accounts, AccountsError, Tables, check_address};
use opencredits_ledger::Ledger;
use opencredits_store::UserEmail;
use opencredits_units::UserId;

#[tokio::test]
async fn an_address_is_set_shown_and_removed_and_an_invalid_one_is_refused() {
    let office = Office::open().await;
    let tables = Tables::of(office.store.clone());
    let accounts = Accounts::new(Ledger::in_memory().unwrap(), tables, office.clock.clone(), office.entropy.clone());
    let shown = async || accounts.email_of(ada().id).await.unwrap().map(|UserEmail { address, .. }| address);
    assert_eq!(shown().await.as_deref(), Some(ADDRESS));
    accounts.set_email(ada().id, " Ada@EXAMPLE.com ").await.unwrap();
    assert_eq!(shown().await.as_deref(), Some("Ada@example.com"));
    for refused in ["ada", "ada@example.org, eve@example.org", ""] {
        let error = accounts.set_email(ada().id, refused).await;
        assert!(matches!(error, Err(AccountsError::Invalid { field: "the address", .. })), "{refused}");
        assert!(check_address(refused).is_err());
    }
    assert_eq!(shown().await.as_deref(), Some("Ada@example.com"), "what is refused changes nothing");
    let nobody = accounts.set_email(UserId::from_bits(9), ADDRESS).await;
    assert!(matches!(nobody, Err(AccountsError::NoUser { .. })));
    accounts.remove_email(ada().id).await.unwrap();
    assert_eq!(shown().await, None);
}
