//! Everything about a person, and what may be done to them.

use super::desk::{Desk, at, maybe_at};
use super::person_tables as tables;
use crate::admin::Refusal;
use opencredits_ledger::Balance;
use opencredits_pages::views::operator::{Act, Back, Cell, Fact, Field, OperatorPage, Remark, Section, Tone};
use opencredits_service::accounts::Wallet;
use opencredits_store::{LimitOwner, PrivacyState, Role, Standing, User, UserEmail};
use opencredits_units::{NanoUsd, UserId};

pub(super) async fn page(desk: &Desk<'_>) -> Result<OperatorPage, Refusal> {
    let id: UserId = desk.id()?;
    let Wallet { user, balance } = desk.accounts().balance(&id.to_string()).await?;
    let (_, role) = desk.accounts().role_of(&id.to_string()).await?;
    let email = desk.accounts().email_of(id).await?;
    let state = match &desk.state().admin.privacy {
        Some((privacy, _)) => privacy.state(id).await?,
        None => PrivacyState::default(),
    };
    let keys = desk.accounts().list_keys(id).await?;
    let sections = vec![
        account(&user, role, (email.as_ref(), &state)),
        money(desk, &user, balance).await?,
        tables::keys(desk, &user, &keys).await?.into(),
        tables::apps(desk, &user, &keys).await?.into(),
        tables::sessions(desk, &user).await?.into(),
        tables::orders(desk, &user).await?.into(),
        tables::transfers(desk, &user).await?.into(),
        tables::requests(desk, &user, &keys).await?.into(),
        tables::changes(desk, &user).await?.into(),
    ];
    Ok(OperatorPage {
        name: user.label.clone(),
        back: Some(Back { state: "people".to_owned(), href: "/operator/people".to_owned() }),
        remarks: remarks(&user, &state, email.as_ref()),
        acts: acts(&user, balance),
        export_href: state.erased_at.is_none().then(|| format!("/v1/operator/people/{id}/export")),
        sections,
        ..OperatorPage::of("person")
    })
}

fn remarks(user: &User, state: &PrivacyState, email: Option<&UserEmail>) -> Vec<Remark> {
    let remark =
        |is: bool, key: &str, class: Tone| is.then(|| Remark { state: key.to_owned(), class, ..Remark::default() });
    let all = [
        remark(user.standing == Standing::Suspended, "is_suspended", Tone::Bad),
        remark(state.erased_at.is_some(), "is_deleted", Tone::Bad),
        remark(state.deletion_due_at.is_some(), "is_leaving", Tone::Warn),
        remark(state.restricted_at.is_some(), "is_restricted", Tone::Warn),
        remark(email.is_some_and(|email| email.bounced_at.is_some()), "mail_bounces", Tone::Warn),
    ];
    all.into_iter().flatten().collect()
}

/// What is done most, at the top of the page.
fn acts(user: &User, balance: Balance) -> Vec<Act> {
    let on = |kind: &str| Act::on(kind, ("user", user.id));
    let moves = |kind: &str| on(kind).with(Field::needed("credits", "amount")).reasoned();
    let mut acts = vec![moves("grant")];
    if balance.available > NanoUsd::ZERO {
        acts.push(moves("take").dangerous());
    }
    acts.push(match user.standing {
        Standing::Good => on("suspend").reasoned().dangerous(),
        Standing::Suspended => on("resume").reasoned(),
    });
    acts
}

fn account(user: &User, role: Role, (email, state): (Option<&UserEmail>, &PrivacyState)) -> Section {
    let on = |kind: &str| Act::on(kind, ("user", user.id));
    let standing = match user.standing {
        Standing::Good => Cell::toned("active", Tone::Good),
        Standing::Suspended => Cell::toned("suspended", Tone::Bad),
    };
    let facts = vec![
        Fact::of("id", Cell::code(user.id)),
        Fact::of("email", email.map_or(Cell::Nothing, |email| Cell::text(&email.address))),
        Fact::of("state", standing),
        Fact::of("role", Cell::word(role.name())),
        Fact::of("since", at(user.created_at)),
        Fact::of("restricted", maybe_at(state.restricted_at)),
        Fact::of("objected", maybe_at(state.objected_at)),
        Fact::of("deletion", maybe_at(state.deletion_due_at)),
    ];
    let mut acts = vec![
        on("rename").with(Field::needed("label", "text").with(&user.label)),
        on("set_email").with(Field::needed("email", "text")),
    ];
    if email.is_some() {
        acts.push(on("remove_email").dangerous());
    }
    if state.erased_at.is_none() {
        acts.push(on(if state.restricted_at.is_some() { "unrestrict" } else { "restrict" }));
        acts.push(on(if state.objected_at.is_some() { "unobject" } else { "object" }));
        acts.push(if state.deletion_due_at.is_some() { on("keep") } else { on("delete").dangerous() });
        acts.push(on("delete_now").dangerous());
    }
    Section::Facts { state: "account".to_owned(), facts, acts }
}

async fn money(desk: &Desk<'_>, user: &User, balance: Balance) -> Result<Section, Refusal> {
    let limit = desk.accounts().limit(LimitOwner::Person(user.id)).await?;
    let debt = desk.accounts().debt_of(user.id).await?;
    let on = |kind: &str| Act::on(kind, ("user", user.id));
    let facts = vec![
        Fact::of("available", desk.has(balance.available)),
        Fact::of("held", desk.has(balance.held)),
        Fact::of("posted", desk.has(balance.posted)),
        Fact::of("debt", desk.charged(debt)),
        Fact::of("limit", limit.map_or(Cell::Nothing, |limit| desk.has(limit.limit.amount))),
        Fact::of("limit_left", limit.map_or(Cell::Nothing, |limit| desk.has(limit.available))),
    ];
    let moves = |kind: &str| on(kind).with(Field::needed("credits", "amount")).reasoned();
    let mut acts = vec![
        moves("add"),
        moves("deduct").dangerous(),
        on("set_limit").with(Field::needed("credits", "amount")).with(Field::optional("reset", "reset")),
    ];
    if limit.is_some() {
        acts.push(on("remove_limit"));
    }
    Ok(Section::Facts { state: "balance".to_owned(), facts, acts })
}
