//! Buying credits: pages of the payment processor, orders, top-ups, and the processor's events.

mod checkout;
mod problem;
mod routes;
mod sandbox;
mod top_up;
mod webhook;

pub(crate) use checkout::status;
pub(crate) use problem::of as problem_of;
pub(crate) use routes::routes;

use crate::errors::{ErrorType, Problem};
use crate::payment_app::PaymentApp;
use crate::state::App;
use crate::{auth, faults};
use http::HeaderMap;
use opencredits_store::Order;
use opencredits_units::{PartnerId, UserId};

/// The largest body of a request.
const BODY_BYTES_MAX: usize = 16 << 10;

fn payments(app: &App) -> Result<&PaymentApp, Problem> {
    let none = || Problem::new(ErrorType::NotFound, "credits are not sold here; ask the operator for some");
    app.payments.as_deref().ok_or_else(none)
}

/// Who buys: the person of a user key or of a management key, and the partner of the key.
struct Buyer {
    user: UserId,
    partner: Option<PartnerId>,
    /// Whether the person asks, and not an app with a key of theirs: an app sees what was begun through it.
    sees_all: bool,
}

impl Buyer {
    fn sees(&self, order: &Order) -> bool {
        order.user == self.user && (self.sees_all || order.partner == self.partner)
    }
}

async fn buyer(app: &App, headers: &HeaderMap) -> Result<Buyer, Problem> {
    if auth::carries_management_key(app.gateway.mode(), headers) {
        let manager = auth::manager(app, headers).await?;
        return Ok(Buyer { user: manager.user, partner: None, sees_all: true });
    }
    let spender = auth::spender(app, headers).await?;
    let partner = app.gateway.keyring().partner_of(spender.key).await;
    let partner = partner.map_err(|fault| faults::problem(&fault, &app.settings))?;
    Ok(Buyer { user: spender.user, partner, sees_all: false })
}
