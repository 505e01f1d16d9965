//! Reads a vendor's bill, page by page.

use super::error::ReconcileError;
use super::read::{self, Lines, Page};
use super::request::{self, BilledVendor, Part};
use http::header::{HeaderMap, RETRY_AFTER};
use opencredits_keys::Secret;
use opencredits_providers::{BillingReport, Get, TransportError, UpstreamResponse};
use opencredits_store::Days;
use std::collections::BTreeMap;
use std::time::Duration;

/// Pages of one part. A page has a day at least, and at most 31 days are asked for at once.
const PAGES_MAX: usize = 64;
/// The largest page, in bytes.
const PAGE_BYTES_MAX: usize = 8 << 20;
/// Lines of a day: models times classes.
const LINES_MAX: usize = 20_000;

/// The patience with a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchPatience {
    /// The time limit of one exchange, in ms. Default 30 s.
    pub exchange_ms: u64,
    /// Exchanges for one page. Default 5.
    pub attempts_max: u32,
    /// The wait before the second one, in ms; it doubles each time. Default 2 s.
    pub backoff_ms: u64,
    /// The longest wait that a vendor may ask for, in ms. Default 2 minutes.
    pub wait_ms_max: u64,
}

impl Default for FetchPatience {
    fn default() -> Self {
        Self { exchange_ms: 30_000, attempts_max: 5, backoff_ms: 2_000, wait_ms_max: 120_000 }
    }
}

/// A vendor that is being asked.
pub(super) struct Asking<'a> {
    pub(super) get: &'a dyn Get,
    pub(super) vendor: &'a BilledVendor,
    pub(super) report: &'a BillingReport,
    pub(super) key: &'a Secret<String>,
    pub(super) patience: FetchPatience,
}

enum Attempt {
    Body(Vec<u8>),
    /// Another attempt may help, after so many ms where the vendor says how many.
    Again(ReconcileError, Option<u64>),
}

impl Asking<'_> {
    /// The lines of each of these days. A day that the vendor leaves out is an error: it would look as if nothing had been
    /// billed.
    pub(super) async fn bill(&self, days: Days) -> Result<BTreeMap<u64, Lines>, ReconcileError> {
        let mut bill = self.part(Part::Amounts, days).await?;
        if self.report.usage_path.is_some() {
            for (day, lines) in self.part(Part::Quantities, days).await? {
                let of_day = bill.entry(day).or_default();
                for (of, told) in lines {
                    let line = of_day.entry(of).or_default();
                    *line = line.checked_add(told).ok_or_else(|| self.wrong(1, "a sum fits no integer"))?;
                }
            }
        }
        if bill.values().any(|lines| lines.len() > LINES_MAX) {
            return Err(self.wrong(1, "a day has more than 20000 lines"));
        }
        Ok(bill)
    }

    async fn part(&self, part: Part, days: Days) -> Result<BTreeMap<u64, Lines>, ReconcileError> {
        let (mut found, mut cursor) = (BTreeMap::new(), None);
        for number in 1..=PAGES_MAX {
            let body = self.page(part, days, cursor.as_deref()).await?;
            let Page { days: told, next } =
                read::page(self.report, part, &body).map_err(|problem| self.wrong(number, problem))?;
            for (day, lines) in told.into_iter().filter(|(day, _)| (days.from..=days.to).contains(day)) {
                if found.insert(day, lines).is_some() {
                    return Err(self.wrong(number, "it repeats a day of a page before"));
                }
            }
            match next {
                Some(next) if cursor.as_ref() == Some(&next) => return Err(self.wrong(number, "it leads to itself")),
                Some(next) => cursor = Some(next),
                None if (days.from..=days.to).all(|day| found.contains_key(&day)) => return Ok(found),
                None => return Err(self.wrong(number, "it is the last one, and a day is missing")),
            }
        }
        Err(self.wrong(PAGES_MAX, "there are more than 64"))
    }

    async fn page(&self, part: Part, days: Days, cursor: Option<&str>) -> Result<Vec<u8>, ReconcileError> {
        let vendor = &self.vendor.vendor;
        let unusable = || self.transport(TransportError::InvalidRequest);
        let url = request::address(vendor, part, days, cursor).ok_or_else(unusable)?;
        let headers = request::headers(vendor, self.key).ok_or_else(unusable)?;
        let mut attempt = 1;
        loop {
            match self.attempt(url.clone(), headers.clone()).await? {
                Attempt::Body(body) => return Ok(body),
                Attempt::Again(error, asked_ms) => {
                    let Some(wait) = self.patience.wait_ms(attempt, asked_ms) else { return Err(error) };
                    tracing::warn!(vendor = &*vendor.id, %error, wait_ms = wait, "asking for the bill again");
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                    attempt = attempt.saturating_add(1);
                }
            }
        }
    }

    async fn attempt(&self, url: http::Uri, headers: HeaderMap) -> Result<Attempt, ReconcileError> {
        let within = Duration::from_millis(self.patience.exchange_ms);
        let exchanged = tokio::time::timeout(within, self.exchange(url, headers)).await;
        let (status, head, body) = match exchanged.unwrap_or(Err(TransportError::TotalTimeout)) {
            Ok(answer) => answer,
            Err(
                error
                @ (TransportError::InvalidRequest | TransportError::TooLarge { .. } | TransportError::Undecodable),
            ) => {
                return Err(self.transport(error));
            }
            Err(error) => return Ok(Attempt::Again(self.transport(error), None)),
        };
        if status.is_success() {
            return Ok(Attempt::Body(body));
        }
        let (vendor, variable) = (self.vendor.vendor.id.to_string(), self.report.key_env.clone());
        let error = ReconcileError::Status { vendor, status: status.as_u16(), variable };
        if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS {
            return Ok(Attempt::Again(error, retry_after_ms(&head)));
        }
        Err(error)
    }

    async fn exchange(
        &self,
        url: http::Uri,
        headers: HeaderMap,
    ) -> Result<(http::StatusCode, HeaderMap, Vec<u8>), TransportError> {
        let UpstreamResponse { status, headers, body } = self.get.get(url, headers).await?;
        Ok((status, headers, body.read_all(PAGE_BYTES_MAX).await?.to_vec()))
    }

    fn wrong(&self, page: usize, problem: &'static str) -> ReconcileError {
        ReconcileError::Page { vendor: self.vendor.vendor.id.to_string(), page, problem }
    }

    fn transport(&self, source: TransportError) -> ReconcileError {
        ReconcileError::Transport { vendor: self.vendor.vendor.id.to_string(), source }
    }
}

impl FetchPatience {
    /// The wait after so many attempts; `None` where no further one is made.
    fn wait_ms(&self, attempts: u32, asked_ms: Option<u64>) -> Option<u64> {
        if attempts >= self.attempts_max {
            return None;
        }
        let doubled = || self.backoff_ms.saturating_mul(2_u64.saturating_pow(attempts.saturating_sub(1)));
        match asked_ms {
            Some(asked) => (asked <= self.wait_ms_max).then_some(asked),
            None => Some(doubled().min(self.wait_ms_max)),
        }
    }
}

/// Seconds; the other form, a date, is not sent by interfaces of this kind.
fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(seconds.saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_a_vendor_may_ask_for_another_one_within_bounds() {
        let patience = FetchPatience { exchange_ms: 1, attempts_max: 4, backoff_ms: 100, wait_ms_max: 350 };
        let check =
            |attempts, asked, expect| assert_eq!(patience.wait_ms(attempts, asked), expect, "{attempts} {asked:?}");
        check(1, None, Some(100));
        check(2, None, Some(200));
        check(3, None, Some(350));
        check(4, None, None);
        check(1, Some(300), Some(300));
        check(1, Some(351), None);
        check(4, Some(1), None);
    }
}
