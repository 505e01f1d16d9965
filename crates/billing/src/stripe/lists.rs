//! Lists: all of a short one, and a long one from older to newer.

use super::client::{Call, Client, Params};
use super::convert;
use super::wire::{self, Identified};
use crate::error::PaymentError;
use crate::hint::{Event, Hint};
use crate::ids::{EventId, Kind, MovementId, ProcessorId};
use crate::requests::{After, Page};
use crate::state::MoneyMovement;
use serde::de::DeserializeOwned;

/// The most that Stripe gives at once.
const PAGE_ITEMS_MAX: &str = "100";
/// Pages of a list that is read whole: refunds and disputes of one payment.
const WHOLE_PAGES_MAX: u32 = 10;
/// Pages that are walked back to find where a list begins at some time.
const WALK_PAGES_MAX: u32 = 1_000;
/// The kinds of events that concern payments; the list takes 20 at most.
const EVENT_KINDS: [&str; 20] = [
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.failed",
    "charge.refunded",
    "checkout.session.async_payment_failed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.completed",
    "checkout.session.expired",
    "payment_intent.canceled",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.succeeded",
    "radar.early_fraud_warning.created",
    "radar.early_fraud_warning.updated",
    "refund.created",
    "refund.failed",
    "refund.updated",
];

/// Every item of a short list.
pub(super) async fn all<T: DeserializeOwned + Identified>(
    client: &Client,
    operation: &'static str,
    path: &str,
    params: Params,
) -> Result<Vec<T>, PaymentError> {
    let mut items: Vec<T> = Vec::new();
    for _ in 0..WHOLE_PAGES_MAX {
        let mut params = params.clone();
        params.push(("limit".to_owned(), PAGE_ITEMS_MAX.to_owned()));
        if let Some(last) = items.last() {
            params.push(("starting_after".to_owned(), last.id().to_owned()));
        }
        let page: wire::List<T> = client.get(Call::new(operation, path, params)).await?;
        items.extend(page.data);
        if !page.has_more {
            return Ok(items);
        }
    }
    Err(PaymentError::UnexpectedAnswer { operation, at: "the length of a list" })
}

/// The events that concern payments.
pub(super) async fn events(client: &Client, after: After<'_, EventId>) -> Result<Page<Hint, EventId>, PaymentError> {
    const LIST: &str = "list events";
    let kinds = EVENT_KINDS.iter().enumerate();
    let filter = kinds.map(|(index, kind)| (format!("types[{index}]"), (*kind).to_owned())).collect();
    let part: Part<Event> = part(client, LIST, "/v1/events", filter, after).await?;
    let next = part.items.last().map(|event| convert::id(LIST, event.event_id())).transpose()?;
    // One that cannot be read must not end the walk for ever; its payment is found by its movements of money.
    let items = part.items.into_iter().filter_map(Event::hint).collect();
    Ok(Page { items, next, has_more: part.has_more })
}

/// The books of the account.
pub(super) async fn movements(
    client: &Client,
    after: After<'_, MovementId>,
) -> Result<Page<MoneyMovement, MovementId>, PaymentError> {
    const LIST: &str = "list balance transactions";
    let part: Part<wire::BalanceTransaction> =
        part(client, LIST, "/v1/balance_transactions", Params::new(), after).await?;
    let items = part.items.iter().map(|transaction| convert::movement(LIST, transaction));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let next = items.last().map(|movement| movement.id.clone());
    Ok(Page { items, next, has_more: part.has_more })
}

struct Part<T> {
    items: Vec<T>,
    has_more: bool,
}

/// Stripe lists the newest first. After an id it gives those next to it; the oldest since some time must be walked to.
async fn part<T: DeserializeOwned + Identified, K: Kind>(
    client: &Client,
    operation: &'static str,
    path: &str,
    filter: Params,
    after: After<'_, ProcessorId<K>>,
) -> Result<Part<T>, PaymentError> {
    let mut filter = filter;
    filter.push(("limit".to_owned(), PAGE_ITEMS_MAX.to_owned()));
    let since = match after {
        After::Id(id) => {
            filter.push(("ending_before".to_owned(), id.as_str().to_owned()));
            let call = Call::on(operation, path.to_owned(), id.as_str(), filter);
            let mut list: wire::List<T> = client.get(call).await?;
            list.data.reverse();
            return Ok(Part { items: list.data, has_more: list.has_more });
        }
        After::Time(since) => since,
    };
    filter.push(("created[gte]".to_owned(), since.as_secs().to_string()));
    let mut oldest: Vec<T> = Vec::new();
    for page in 0..WALK_PAGES_MAX {
        let mut params = filter.clone();
        if let Some(last) = oldest.last() {
            params.push(("starting_after".to_owned(), last.id().to_owned()));
        }
        let list: wire::List<T> = client.get(Call::new(operation, path, params)).await?;
        if !list.data.is_empty() {
            oldest = list.data;
        }
        if !list.has_more {
            oldest.reverse();
            return Ok(Part { items: oldest, has_more: page > 0 });
        }
    }
    Err(PaymentError::UnexpectedAnswer { operation, at: "the length of a list; begin later" })
}
