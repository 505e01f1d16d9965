//! What waits to be done, for metrics.

use crate::orders::OrderState;
use crate::traits::StoreError;
use async_trait::async_trait;
use opencredits_units::UnixMs;

/// What waits to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Mails that are neither sent nor given up.
    pub mails: u64,
    /// When the oldest of them was put in.
    pub oldest_mail: Option<UnixMs>,
    /// Orders that are read again at the payment processor, by state.
    pub orders: Vec<(OrderState, u64)>,
    /// When the first of them is due.
    pub order_due: Option<UnixMs>,
}

/// Tells what waits. Nothing is read that has ended, so that it costs no more as the tables grow.
#[async_trait]
pub trait Backlogs: Send + Sync {
    /// What waits now.
    async fn backlog(&self) -> Result<Backlog, StoreError>;
}
