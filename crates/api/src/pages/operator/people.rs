//! People are looked up by whatever is known of them.

use super::desk::{Desk, at, by_number, by_text, link, person_href};
use crate::admin::Refusal;
use opencredits_pages::views::operator::{Cell, Column, OperatorPage, Row, Table, Tone};
use opencredits_service::GenerationRecord;
use opencredits_service::accounts::{AccountsError, check_address};
use opencredits_store::{Standing, User};
use opencredits_units::{GenerationId, KeyId, OrderId, UserId};
use std::collections::BTreeMap;

/// People on a page.
const PAGE: u32 = 50;
/// The longest text that is looked for, in bytes.
const TEXT_BYTES_MAX: usize = 200;

pub(super) async fn page(desk: &Desk<'_>) -> Result<OperatorPage, Refusal> {
    let asked = desk.asked("q").filter(|text| text.len() <= TEXT_BYTES_MAX);
    let before: Option<UserId> = desk.parsed("before");
    let people = match asked {
        Some(text) => look_up(desk, text).await?,
        None => {
            let before = before.unwrap_or(UserId::from_bits(u128::MAX));
            desk.store()?.latest_people(before, PAGE).await.map_err(AccountsError::from)?
        }
    };
    let is_full = usize::try_from(PAGE).is_ok_and(|page| people.len() >= page);
    let last = people.last().filter(|_| is_full && asked.is_none()).map(|user| user.id);
    let mut rows = Vec::with_capacity(people.len());
    for user in people {
        rows.push(row(desk, user).await?);
    }
    let columns = [Column::of("person"), Column::of("state"), Column::right("balance"), Column::of("since")];
    let table = Table {
        more_href: last.map(|last| desk.href("before", last)),
        first_href: before.map(|_| "/operator/people".to_owned()),
        ..Table::of(if asked.is_some() { "found" } else { "people" }, columns)
    };
    let sorted_href = |by: &str| match asked {
        Some(text) => link("/operator/people", &[("q", text), ("sort", by)]),
        None => link("/operator/people", &[("sort", by)]),
    };
    let table = table.with(rows).sorted(desk.asked("sort"), sorted_href);
    let search = Some(asked.unwrap_or_default().to_owned());
    Ok(OperatorPage { search, sections: vec![table.into()], ..OperatorPage::of("people") })
}

async fn row(desk: &Desk<'_>, user: User) -> Result<Row, Refusal> {
    let balance = desk.state().app.gateway.ledger().balance(user.wallet).await.map_err(AccountsError::from)?;
    let is_suspended = user.standing == Standing::Suspended;
    let state = if is_suspended { Cell::toned("suspended", Tone::Bad) } else { Cell::word("active") };
    let cells =
        [Cell::link(&user.label, person_href(user.id)), state, desk.has(balance.available), at(user.created_at)];
    let orders = vec![
        by_text(&user.label),
        by_number(i128::from(is_suspended)),
        by_number(i128::from(balance.available.get())),
        by_number(i128::from(user.created_at.get())),
    ];
    Ok(Row { orders, ..Row::of(cells) })
}

/// The people of an address, an id of theirs, of a key, an order or a request, of the end of a key, or of a part of a label.
async fn look_up(desk: &Desk<'_>, text: &str) -> Result<Vec<User>, Refusal> {
    let (store, failed) = (desk.store()?, AccountsError::from);
    let mut found = BTreeMap::new();
    let mut ids = Vec::new();
    if let Ok(address) = check_address(text) {
        ids.extend(store.user_by_email(address.as_str()).await.map_err(failed)?);
    }
    ids.extend(text.parse::<UserId>());
    if let Ok(key) = text.parse::<KeyId>() {
        ids.extend(store.key(key).await.map_err(failed)?.map(|key| key.user));
    }
    if let Ok(order) = text.parse::<OrderId>() {
        ids.extend(store.order(order).await.map_err(failed)?.map(|order| order.user));
    }
    // A request is known by either prefix.
    if let Ok(request) = text.replacen("req_", "gen_", 1).parse::<GenerationId>() {
        ids.extend(payer_of(desk, request).await?);
    }
    let of_keys = store.keys_by_hint(text, PAGE).await.map_err(failed)?;
    ids.extend(of_keys.into_iter().map(|key| key.user));
    for id in ids {
        if let Some(user) = store.user(id).await.map_err(failed)? {
            found.insert(user.label.clone(), user);
        }
    }
    let like = store.people_like(text, PAGE).await.map_err(failed)?;
    found.extend(like.into_iter().map(|user| (user.label.clone(), user)));
    Ok(found.into_values().collect())
}

/// Whose key a request was charged to.
async fn payer_of(desk: &Desk<'_>, request: GenerationId) -> Result<Option<UserId>, Refusal> {
    let entry = desk.accounts().charge_of(request).await?;
    let Some(record) = entry.and_then(|entry| GenerationRecord::from_memo(&entry.memo).ok()) else { return Ok(None) };
    let key = desk.store()?.key(record.key).await.map_err(AccountsError::from)?;
    Ok(key.map(|key| key.user))
}
