//! Loads price books, and puts them into force.

use super::error::PricesError;
use super::propose::Proposed;
use super::stored::read;
use super::types::{ACCEPT_ALL, Applies, Prices, Refresh, RefreshOutcome, Refreshed};
use crate::accounts::Actor;
use opencredits_catalog::{Catalog, Finding};
use opencredits_store::PriceBook;
use std::sync::{Arc, Weak};

/// Findings that one line of the log names.
const LOGGED_MAX: usize = 10;

/// Who loads a book.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Person,
    Job,
}

impl Prices {
    /// Loads a book, compares it with the one in force and, where that is asked for and nothing stands against it, puts it
    /// into force. It is on disk then.
    ///
    /// # Errors
    /// When there is no source or no gateway, the source fails, the book is invalid or not the expected one, or the store
    /// fails.
    pub async fn refresh(&self, order: Refresh) -> Result<Refreshed, PricesError> {
        self.load(order, By::Person).await
    }

    /// Whether the config names a source of price books.
    #[must_use]
    pub fn has_source(&self) -> bool {
        self.live.as_ref().is_some_and(|live| live.source.is_some())
    }

    /// Loads the book of the config's source and puts it into force, without a person: what needs somebody's word is
    /// refused, and the log says so. `None` where the config names no source.
    ///
    /// # Errors
    /// When the source fails, the book is invalid or was replaced by hand before, or the store fails.
    pub async fn refresh_unattended(&self) -> Result<Option<Refreshed>, PricesError> {
        if !self.has_source() {
            return Ok(None);
        }
        let refreshed = self.load(Refresh { applies: Applies::Yes, ..Refresh::default() }, By::Job).await?;
        let version = refreshed.version;
        match refreshed.outcome {
            RefreshOutcome::Refused => {
                let named = refreshed.findings.iter().take(LOGGED_MAX).map(ToString::to_string).collect::<Vec<_>>();
                let (count, findings) = (refreshed.findings.len(), named.join("; "));
                tracing::error!(%version, count, findings, "the new price book needs your word; run: opencredits-admin catalog refresh");
            }
            RefreshOutcome::Applied => {
                if !refreshed.unknown_vendors.is_empty() {
                    let vendors = refreshed.unknown_vendors.join(", ");
                    tracing::warn!(%version, vendors, "the price book has routes of vendors that are not known here; they are not on sale");
                }
                let changed = refreshed.diff.changed.len();
                tracing::info!(%version, before = %refreshed.before, changed, "a new price book is in force");
            }
            RefreshOutcome::Unchanged | RefreshOutcome::Compared => {}
        }
        Ok(Some(refreshed))
    }

    /// Puts a stored book, or the compiled-in one, into force again. It was looked at before, so that its findings are shown
    /// and not held against it.
    ///
    /// # Errors
    /// When there is no such book, or it can no longer be read, or the store fails.
    pub async fn roll_back(&self, version: &str, applies: Applies) -> Result<Refreshed, PricesError> {
        let _one = self.changing.lock().await;
        let builtin = Catalog::builtin()?;
        let is_builtin = builtin.version().to_string() == version;
        let book = if is_builtin { builtin } else { self.stored(version).await? };
        let proposed = self.propose(book).await?;
        let mut refreshed = Refreshed { needs_word: false, ..proposed.compared() };
        if applies == Applies::No || refreshed.outcome == RefreshOutcome::Unchanged {
            return Ok(refreshed);
        }
        let of_store = (!is_builtin).then_some(version);
        if !self.books.return_to_price_book(of_store, self.clock.now()).await? {
            return Err(PricesError::NoBook { version: version.to_owned() });
        }
        refreshed.outcome = RefreshOutcome::Applied;
        self.put_on_sale(proposed, "prices.roll_back", format!("in place of {}", refreshed.before)).await?;
        Ok(refreshed)
    }

    /// Sells by the stored book that another process has put into force; returns whether there was one.
    ///
    /// # Errors
    /// When no gateway runs, or the store fails, or this program cannot read the book.
    pub async fn adopt(&self) -> Result<bool, PricesError> {
        let live = self.live.as_ref().ok_or(PricesError::NoGateway)?;
        let _one = self.changing.lock().await;
        let stored = self.books.price_book_in_force().await?.map(|book| (book.version, book.text));
        let current = live.served.lock().catalog.version().to_string();
        let book = match stored {
            Some((version, _)) if version == current => return Ok(false),
            Some((_, text)) => read(text.into()).await?,
            None if Catalog::builtin()?.version().to_string() == current => return Ok(false),
            None => Catalog::builtin()?,
        };
        let proposed = self.propose(book).await?;
        let version = proposed.version();
        self.sell(proposed)?;
        tracing::info!(%version, "another process has put a price book into force, and it is sold by here as well");
        Ok(true)
    }

    async fn load(&self, order: Refresh, by: By) -> Result<Refreshed, PricesError> {
        let live = self.live.as_ref().ok_or(PricesError::NoGateway)?;
        let source = order.from.or_else(|| live.source.clone()).ok_or(PricesError::NoSource)?;
        let failed = |reason| PricesError::Fetch { origin: source.clone(), reason };
        let bytes = live.fetch.fetch(&source).await.map_err(failed)?;
        let text: Arc<str> = String::from_utf8(bytes).map_err(|_| PricesError::NoText)?.into();
        let book = read(Arc::clone(&text)).await?;
        let _one = self.changing.lock().await;
        let proposed = self.propose(book).await?;
        let mut refreshed = proposed.compared();
        let accepts_all = order.accept.iter().any(|name| name == ACCEPT_ALL);
        if !accepts_all {
            let is_accepted = |of: &Finding| order.accept.iter().any(|name| name.eq_ignore_ascii_case(&of.model));
            refreshed.findings.retain(|finding| !is_accepted(finding));
        }
        if order.applies == Applies::No || refreshed.outcome == RefreshOutcome::Unchanged {
            return Ok(refreshed);
        }
        if let Applies::If(expected) = order.applies
            && expected != refreshed.version
        {
            let (expected, found) = (expected.to_string(), refreshed.version.to_string());
            return Err(PricesError::Moved { expected, found });
        }
        let version = refreshed.version.to_string();
        if by == By::Job && self.books.price_book(&version).await?.is_some() {
            return Err(PricesError::Replaced { version });
        }
        if !refreshed.findings.is_empty() && !accepts_all {
            refreshed.outcome = RefreshOutcome::Refused;
            return Ok(refreshed);
        }
        let now = self.clock.now();
        let book = PriceBook { version, text: text.to_string(), source: source.to_string(), added_at: now };
        self.books.put_price_book(&book, now).await?;
        refreshed.outcome = RefreshOutcome::Applied;
        let how = if by == By::Job { "by itself" } else { "by hand" };
        let accepted = match &*order.accept {
            _ if accepts_all => format!("all {} findings", refreshed.findings.len()),
            [] => "nothing".to_owned(),
            models => models.join(", "),
        };
        let detail = format!("from {source}, {how}, in place of {}, accepted: {accepted}", refreshed.before);
        self.put_on_sale(proposed, "prices.refresh", detail).await?;
        Ok(refreshed)
    }

    /// Exchanges what is on sale. The book is stored already.
    async fn put_on_sale(&self, proposed: Proposed, action: &str, detail: String) -> Result<(), PricesError> {
        let version = proposed.version().to_string();
        self.sell(proposed)?;
        self.accounts.tell_changed();
        let recorded = self.accounts.record_change((Actor::Operator, action), &version, detail).await;
        recorded.map_err(PricesError::NotRecorded)
    }

    fn sell(&self, proposed: Proposed) -> Result<(), PricesError> {
        if let (Some(live), Some((served, on_sale))) = (&self.live, proposed.into_served()) {
            let gateway = live.gateway.upgrade().ok_or(PricesError::Closing)?;
            gateway.sell(on_sale);
            if let Some(test) = live.test_gateway.as_ref().and_then(Weak::upgrade) {
                test.sell(served.in_test_mode());
            }
            self.accounts.know(served.catalog.clone());
            *live.served.lock() = Arc::new(served);
        }
        Ok(())
    }
}
