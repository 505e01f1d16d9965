//! A charge on its way to the ledger, and what is told of it once it is booked.

use super::booking::{Booking, Receipt};
use super::late;
use crate::fault::Fault;
use opencredits_ledger::{Captured, LedgerError, Sent};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

/// A charge that was sent to the ledger; resolves once it is booked, and on disk where the config asks for that. It is booked
/// whether this is awaited or dropped.
pub(super) struct Settling {
    stage: Stage,
    booking: Option<Booking>,
    /// Whether a task of its own sees it through. Where that is dropped, its runtime ends.
    is_handed_on: bool,
}

enum Stage {
    Sent(Sent<Captured>),
    /// The hold was released meanwhile.
    Late(Pin<Box<dyn Future<Output = Result<Captured, LedgerError>> + Send>>),
}

impl Settling {
    pub(super) const fn new(sent: Sent<Captured>, booking: Booking) -> Self {
        Self { stage: Stage::Sent(sent), booking: Some(booking), is_handed_on: false }
    }
}

impl Future for Settling {
    type Output = Result<Receipt, Fault>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let outcome = match &mut self.stage {
                Stage::Sent(sent) => ready!(Pin::new(sent).poll(context)),
                Stage::Late(late) => ready!(late.as_mut().poll(context)),
            };
            let Some(mut booking) = self.booking.take() else { return Poll::Ready(Err(Fault::Closing)) };
            let is_first = matches!(self.stage, Stage::Sent(_));
            match outcome {
                Ok(captured) => return Poll::Ready(booking.booked(captured).ok_or(Fault::Closing)),
                Err(LedgerError::HoldFinished { .. } | LedgerError::UnknownHold { .. }) if is_first => {
                    self.stage = Stage::Late(Box::pin(late::charge(&booking)));
                    self.booking = Some(booking);
                }
                Err(error) => {
                    booking.refused();
                    return Poll::Ready(Err(error.into()));
                }
            }
        }
    }
}

/// Sees a charge through that nobody waits for: at once where the ledger decides in memory.
impl Drop for Settling {
    fn drop(&mut self) {
        let Some(booking) = self.booking.take() else { return };
        if self.is_handed_on {
            // The process ends. The ledger has the charge already, and answers it before it closes.
            return;
        }
        let generation = booking.generation;
        let stage = std::mem::replace(&mut self.stage, Stage::nothing());
        let mut rest = Self { stage, booking: Some(booking), is_handed_on: true };
        let log = move |outcome: Result<Receipt, Fault>| {
            if let Err(fault) = outcome {
                tracing::error!(%generation, %fault, "an abandoned request could not be charged");
            }
        };
        match Pin::new(&mut rest).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => log(outcome),
            Poll::Pending => {
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(async move { log(rest.await) });
                }
            }
        }
    }
}

impl Stage {
    fn nothing() -> Self {
        Self::Late(Box::pin(std::future::pending()))
    }
}
