//! Reads the state of the process at a scrape. Nothing of it is kept current while requests run.

use super::families::{
    LEDGER_BALANCE, LEDGER_CUSTOMERS, ORDERS_OVERDUE, ORDERS_PENDING, OUTBOX_OLDEST, OUTBOX_WAITING, PAYMENTS_BALANCE,
    PRICE_BOOK_AT, UNREAD,
};
use super::sample::Samples;
use super::tally::Counts;
use crate::books::{self, PerCurrency};
use crate::gateway::Gateway;
use crate::jobs::Jobs;
use crate::ports::Clock;
use crate::prices::Prices;
use crate::provider_bills::ProviderReconciliation;
use opencredits_keys::Mode;
use opencredits_ledger::{AnyLedger, LedgerError};
use opencredits_store::{Backlog, Backlogs, OrderState};
use opencredits_units::{AccountId, NanoUsd, UnixMs};
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

/// The currency of the ledger's own accounts.
const OWN: &str = "usd";
/// The states of orders that are told, so that each has a series from the start.
const STATES: [OrderState; 5] =
    [OrderState::Open, OrderState::Waiting, OrderState::Paid, OrderState::Failed, OrderState::Expired];

/// A mode: its gateway and its jobs.
pub struct ModeParts {
    /// The gateway. It ends while this may still be asked.
    pub gateway: Weak<Gateway>,
    /// Its jobs.
    pub jobs: Arc<Jobs>,
}

/// What a [`StateReader`] reads.
pub struct StateParts {
    /// The live mode.
    pub live: ModeParts,
    /// Test mode, where it is on.
    pub test: Option<ModeParts>,
    /// What waits, in the store of the live mode.
    pub backlogs: Arc<dyn Backlogs>,
    /// Price books.
    pub prices: Arc<Prices>,
    /// The comparison with the bills of providers.
    pub providers: Arc<ProviderReconciliation>,
    /// Whether mails are sent.
    pub sends_mails: bool,
    /// The currencies that credits are sold in, by their codes; none where credits are not sold.
    pub currencies: BTreeSet<String>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// Reads the state of the process.
pub struct StateReader(StateParts);

impl StateReader {
    /// A reader of these parts.
    #[must_use]
    pub const fn new(parts: StateParts) -> Self {
        Self(parts)
    }

    /// What the live mode has counted since the start; `None` at the end of the process.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        self.0.live.gateway.upgrade().map(|gateway| gateway.counts())
    }

    /// The state now. A part that cannot be read is left out and named.
    pub async fn read(&self) -> Samples {
        let mut samples = Samples::default();
        let live = Some((&self.0.live, Mode::Live));
        let test = self.0.test.as_ref().map(|test| (test, Mode::Test));
        for (parts, mode) in live.into_iter().chain(test) {
            if let Some(gateway) = parts.gateway.upgrade() {
                gateway.sample(&mut samples).await;
                if mode == Mode::Live {
                    let read = self.books(gateway.ledger(), &mut samples).await;
                    unread("ledger", read.err(), &mut samples);
                }
            }
            let read = parts.jobs.sample(mode.name(), &mut samples).await;
            unread("jobs", read.err(), &mut samples);
        }
        self.0.providers.sample(&mut samples);
        match self.0.backlogs.backlog().await {
            Ok(backlog) => self.backlog(&backlog, &mut samples),
            Err(error) => unread("outbox", Some(error), &mut samples),
        }
        match self.0.prices.in_force_since().await {
            Ok(at) => at.into_iter().for_each(|at| samples.ms(&PRICE_BOOK_AT, &[], at.get())),
            Err(error) => unread("prices", Some(error), &mut samples),
        }
        samples
    }

    /// The accounts of the house. What people and partners have is the rest: the accounts of a currency sum to zero, and
    /// so do limits.
    async fn books(&self, ledger: &AnyLedger, samples: &mut Samples) -> Result<(), LedgerError> {
        let mut house = NanoUsd::ZERO;
        let mut add = |amount: NanoUsd| house = house.checked_add(amount).unwrap_or(NanoUsd::MAX);
        for (account, name) in books::NAMES {
            if account == books::LIMITS {
                continue;
            }
            if let Some(amount) = posted(ledger, account).await? {
                samples.amount(&LEDGER_BALANCE, &[&name.replace(' ', "_")], amount);
                add(amount);
            }
        }
        let own = OWN.to_owned();
        let currencies: BTreeSet<&String> = self.0.currencies.iter().chain([&own]).collect();
        for currency in currencies {
            for kind in PerCurrency::ALL {
                let account = kind.account(currency);
                // An account is opened by its first booking.
                let amount = posted(ledger, account).await?.unwrap_or_default();
                if self.0.currencies.contains(currency) {
                    samples.amount(&PAYMENTS_BALANCE, &[&kind.name().replace(' ', "_"), currency], amount);
                }
                if currency == OWN && account != books::EXCHANGE {
                    add(amount);
                }
            }
        }
        samples.amount(&LEDGER_CUSTOMERS, &[], NanoUsd::ZERO.checked_sub(house).unwrap_or(NanoUsd::MAX));
        Ok(())
    }

    fn backlog(&self, backlog: &Backlog, samples: &mut Samples) {
        let now = self.0.clock.now();
        let age = |at: Option<UnixMs>| at.map_or(0, |at| now.ms_since(at));
        if self.0.sends_mails {
            samples.count(&OUTBOX_WAITING, &[], backlog.mails);
            samples.ms(&OUTBOX_OLDEST, &[], age(backlog.oldest_mail));
        }
        if !self.0.currencies.is_empty() {
            for state in STATES {
                let count = backlog.orders.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count);
                samples.count(&ORDERS_PENDING, &[state.name()], count);
            }
            samples.ms(&ORDERS_OVERDUE, &[], age(backlog.order_due));
        }
    }
}

/// The posted amount of an account; `None` where it was never opened.
async fn posted(ledger: &AnyLedger, account: AccountId) -> Result<Option<NanoUsd>, LedgerError> {
    match ledger.balance(account).await {
        Ok(balance) => Ok(Some(balance.posted)),
        Err(LedgerError::UnknownAccount { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Tells whether a part of the state could not be read.
fn unread<E: std::error::Error>(part: &'static str, error: Option<E>, samples: &mut Samples) {
    if let Some(error) = &error {
        tracing::warn!(part, %error, "a part of the metrics cannot be read");
        samples.count(&UNREAD, &[part], 1_u64);
    }
}
