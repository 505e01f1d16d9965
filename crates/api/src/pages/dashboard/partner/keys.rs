//! A partner's keys, and the pages that may use them.

use super::portal::Portal;
use crate::errors::Problem;
use crate::pages::PageRequest;
use crate::state::TestApp;
use opencredits_pages::views::partner::{PartnerKeys, PublishableRow, SecretRow, TestAccess};
use opencredits_service::accounts::{AccountsError, Managed};
use opencredits_store::{Key, PartnerKeyRecord, PublishableKeyRecord, User as Person};
use opencredits_units::{NanoUsd, PartnerId, UserId};

const PATH: &str = "/partner/keys";

pub(super) async fn page(request: PageRequest) -> Result<PartnerKeys, Problem> {
    let portal = Portal::of(&request, PATH).await?;
    let (mut publishable, mut secret) = (Vec::new(), Vec::new());
    if let Some(partner) = portal.partner() {
        let (id, accounts) = (partner.id.to_string(), &portal.person.app.accounts);
        let keys = accounts.publishable_keys(&id).await.map_err(|error| portal.person.of_accounts(error))?;
        publishable = keys.iter().filter(|key| key.revoked_at.is_none()).map(publishable_row).collect();
        let keys = accounts.partner_keys(&id).await.map_err(|error| portal.person.of_accounts(error))?;
        secret = keys.iter().filter(|key| key.revoked_at.is_none()).map(secret_row).collect();
    }
    let test = match &portal.current {
        Some(managed) => test_access(&portal, managed).await?,
        None => None,
    };
    Ok(PartnerKeys { head: portal.head(), terms: portal.terms(), publishable, secret, test })
}

async fn test_access(portal: &Portal<'_>, managed: &Managed) -> Result<Option<TestAccess>, Problem> {
    let Some(desk) = portal.person.app.accounts.test_desk() else { return Ok(None) };
    let of_accounts = |error| portal.person.of_accounts(error);
    let publishable = desk.publishable_key(managed.id(), managed.name()).await.map_err(of_accounts)?;
    let keys = desk.keys(managed.id()).await.map_err(of_accounts)?;
    let left = left(portal, managed.id()).await?;
    Ok(Some(TestAccess {
        publishable: publishable_row(&publishable),
        keys: keys.iter().map(test_row).collect(),
        left: left.map(|left| portal.person.has(left)),
    }))
}

/// The play credits that the keys of a partner can spend; `None` before its first key.
async fn left(portal: &Portal<'_>, id: PartnerId) -> Result<Option<NanoUsd>, Problem> {
    let Some(test) = portal.person.app.test.as_ref().map(TestApp::app) else { return Ok(None) };
    let id: UserId = id.cast::<opencredits_units::User>();
    let found: Person = match test.accounts.find_user(&id.to_string()).await {
        Ok(found) => found,
        Err(AccountsError::NoUser { .. }) => return Ok(None),
        Err(error) => return Err(portal.person.of_accounts(error)),
    };
    let balance = test.gateway.ledger().balance(found.wallet).await.map_err(|error| portal.person.problem(error))?;
    Ok(Some(balance.available))
}

fn publishable_row(key: &PublishableKeyRecord) -> PublishableRow {
    PublishableRow {
        id: key.id.to_string(),
        key: key.key.clone(),
        name: key.name.clone(),
        origins: key.origins.clone(),
        redirect_urls: key.redirect_urls.clone(),
        created_at: key.created_at.into(),
    }
}

fn secret_row(key: &PartnerKeyRecord) -> SecretRow {
    SecretRow {
        id: key.id.to_string(),
        name: key.name.clone(),
        hint: key.hint.clone(),
        created_at: key.created_at.into(),
    }
}

fn test_row(key: &Key) -> SecretRow {
    SecretRow {
        id: key.id.to_string(),
        name: key.name.clone(),
        hint: key.hint.clone(),
        created_at: key.created_at.into(),
    }
}
