//! How a person signs in, and what is known about them.

use super::person::Person;
use crate::errors::Problem;
use crate::pages::PageRequest;
use crate::pages::domain::has_domain;
use crate::sessions::{problem, sign_in};
use opencredits_pages::views::dashboard::{Account, Leaving, Notices, Passkey, Rights, SignedInBrowser};
use opencredits_pages::when::When;
use opencredits_store::NoticeKind;
use opencredits_units::NanoUsd;

pub(super) async fn page(request: PageRequest) -> Result<Account, Problem> {
    let person = Person::of(&request).await?;
    let sign_in = sign_in(person.app)?;
    let ours = |fault| problem(person.app, fault);
    let account = sign_in.account(person.user.id).await.map_err(ours)?;
    let sessions = sign_in.sessions_of(person.user.id).await.map_err(ours)?;
    let passkeys = sign_in.passkeys_of(person.user.id).await.map_err(ours)?;
    let mut browsers: Vec<SignedInBrowser> = sessions
        .iter()
        .map(|session| SignedInBrowser {
            id: session.id.to_string(),
            browser: session.browser.clone(),
            created_at: session.created_at.into(),
            last_used_at: session.used_at.into(),
            is_current: session.id == person.session,
        })
        .collect();
    browsers.sort_by_key(|browser| !browser.is_current);
    let email = match person.app.payments.as_deref() {
        Some(payments) => payments.emails.email_of(person.user.id).await.map_err(|error| person.problem(error))?,
        None => None,
    };
    let (rights, leaving) = about_data(&person).await?.unzip();
    Ok(Account {
        balance: person.balance(),
        user_id: person.user.id.to_string(),
        email: account.email,
        is_bounced: email.is_some_and(|email| email.bounced_at.is_some()),
        created_at: person.user.created_at.into(),
        browsers,
        passkeys: passkeys
            .into_iter()
            .map(|passkey| Passkey {
                id: passkey.id.to_string(),
                name: passkey.name,
                created_at: passkey.created_at.into(),
                last_used_at: passkey.used_at.map(When::from),
            })
            .collect(),
        rights,
        leaving,
        has_passkeys: has_domain(&person.app.pages.pages.site().url),
    })
}

/// What the person has asked for, and what leaving would take; nothing where nobody can ask for it here.
async fn about_data(person: &Person<'_>) -> Result<Option<(Rights, Leaving)>, Problem> {
    let Some(privacy) = person.app.identity.as_ref().and_then(|identity| identity.privacy.as_ref()) else {
        return Ok(None);
    };
    let ours = |error| crate::privacy::problem(person.app, error);
    let found = privacy.privacy.preview_deletion(person.user.id).await.map_err(ours)?;
    let muted = privacy.privacy.muted(person.user.id).await.map_err(ours)?;
    let is_on = |kind| !muted.contains(&kind);
    let due_at = found.state.deletion_due_at.unwrap_or(found.due_at);
    let lost = (found.balance > NanoUsd::ZERO).then(|| person.has(found.balance));
    let rights = Rights {
        restricted_at: found.state.restricted_at.map(When::from),
        objected_at: found.state.objected_at.map(When::from),
        notices: Notices {
            low_balance: is_on(NoticeKind::LowBalance),
            limit_80: is_on(NoticeKind::LimitMost),
            limit_100: is_on(NoticeKind::LimitAll),
        },
    };
    let is_scheduled = found.state.deletion_due_at.is_some();
    Ok(Some((rights, Leaving { due_at: due_at.into(), is_scheduled, lost })))
}
