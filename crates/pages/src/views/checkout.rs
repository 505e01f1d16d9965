//! The checkout that apps show in a frame, and the pages at which its payment ends.

use crate::view::View;
use serde::Serialize;

/// The limits that a person can choose for an app, in dollars.
const CAPS_USD: [u32; 4] = [10, 25, 50, 100];
/// The one that is chosen at first.
const CAP_USD: u32 = 50;

/// The checkout. Its script fills it: whose app it is, the page around it says.
#[derive(Debug, Clone, Serialize)]
pub struct Checkout {
    caps_usd: Vec<u32>,
    cap_usd: u32,
    has_passkeys: bool,
}

impl View for Checkout {
    const TEMPLATE: &'static str = "checkout.html";
}

impl Checkout {
    /// With passkeys where the service has a domain, to which they belong.
    #[must_use]
    pub fn new(has_passkeys: bool) -> Self {
        Self { caps_usd: CAPS_USD.to_vec(), cap_usd: CAP_USD, has_passkeys }
    }

    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        vec![Self::new(true), Self::new(false)]
    }
}

/// How a payment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Paid,
    Cancelled,
}

/// Where the payment processor sends people whose checkout waits in an app.
#[derive(Debug, Clone, Serialize)]
pub struct CheckoutEnd {
    kind: End,
}

impl View for CheckoutEnd {
    const TEMPLATE: &'static str = "checkout_end.html";
}

impl CheckoutEnd {
    /// The person has paid.
    #[must_use]
    pub const fn paid() -> Self {
        Self { kind: End::Paid }
    }

    /// The person did not pay.
    #[must_use]
    pub const fn cancelled() -> Self {
        Self { kind: End::Cancelled }
    }

    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        vec![Self::paid(), Self::cancelled()]
    }
}
