//! The limits of a key, as its owner sees them.

use crate::errors::Problem;
use crate::faults::{limit_name, timestamp};
use crate::state::App;
use crate::{faults, json};
use opencredits_service::{Fault, LimitBalance, Spender};
use opencredits_store::{LimitReset, SpendingLimit};
use opencredits_units::NanoUsd;
use serde_json::{Value, json};

/// The limits that a spender's requests are held to, with what is left of them.
pub(crate) async fn limits_of(app: &App, spender: &Spender) -> Result<Vec<Value>, Problem> {
    let ours = |fault: Fault| faults::problem(&fault, &app.settings);
    let (ledger, now) = (app.gateway.ledger(), app.gateway.clock().now());
    let credits = |amount: NanoUsd| json::number(app.settings.credit_price.show(amount));
    let limits: Vec<SpendingLimit> = spender.limit_terms.iter().map(|terms| terms.limit).collect();
    app.gateway.renew(&limits).await.map_err(|error| ours(error.into()))?;
    let mut shown = Vec::with_capacity(limits.len());
    for terms in &spender.limit_terms {
        let left = LimitBalance::of(ledger, terms.limit, now).await.map_err(|error| ours(error.into()))?;
        shown.push(json!({
            "whose": limit_name(terms.kind),
            "limit": credits(left.limit.amount),
            "limit_remaining": credits(left.available),
            "limit_reset": left.limit.reset.map(LimitReset::name),
            "limit_resets_at": left.resets_at.map(timestamp),
        }));
    }
    Ok(shown)
}
