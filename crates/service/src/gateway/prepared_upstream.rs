//! A vendor with everything that its requests have in common, and our accounts there.

use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use opencredits_keys::Secret;
use opencredits_providers::{Dialect, Transport, Vendor};
use opencredits_units::UnixMs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A vendor, our keys there and the transport to it.
#[derive(Clone)]
pub struct Upstream {
    /// The vendor.
    pub vendor: Arc<Vendor>,
    /// Our keys there; empty where none is needed.
    pub keys: Vec<Secret<String>>,
    /// The transport.
    pub transport: Arc<dyn Transport>,
}

/// A vendor in one of its dialects, with everything that its requests have in common.
pub(super) struct PreparedUpstream {
    pub(super) vendor: Arc<Vendor>,
    pub(super) dialect: Dialect,
    pub(super) url: http::Uri,
    pub(super) transport: Arc<dyn Transport>,
    /// One for each of our keys; one without a key where none is needed.
    accounts: Vec<Account>,
    /// What it was prepared from.
    keys: Vec<Secret<String>>,
    /// Counts requests, which take the accounts in turn.
    turn: AtomicUsize,
}

/// One of our accounts at a vendor.
pub(super) struct Account {
    pub(super) headers: HeaderMap,
    /// It is not used before this time, in Unix ms.
    cools_until: AtomicU64,
}

impl Account {
    /// Takes the account out of use for a while, after it was rate-limited or refused.
    pub(super) fn cool(&self, now: UnixMs, ms: u64) {
        self.cools_until.fetch_max(now.get().saturating_add(ms), Ordering::Relaxed);
    }

    fn is_cool(&self, now: UnixMs) -> bool {
        self.cools_until.load(Ordering::Relaxed) <= now.get()
    }
}

impl PreparedUpstream {
    /// Prepares a vendor, once for each of its dialects; `None` when an address, header or key is not valid in HTTP.
    pub(super) fn all(upstream: &Upstream) -> Option<Vec<Arc<Self>>> {
        let vendor = &upstream.vendor;
        let prepare = |dialect| {
            let keys: Vec<Option<&Secret<String>>> =
                if upstream.keys.is_empty() { vec![None] } else { upstream.keys.iter().map(Some).collect() };
            let account = |key| {
                let mut headers = headers_to(vendor, dialect, key)?;
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Some(Account { headers, cools_until: AtomicU64::new(0) })
            };
            let accounts = keys.into_iter().map(account).collect::<Option<_>>()?;
            // Where the path names the model, this URL only proves that the address is valid.
            let url = vendor.url(dialect, "model", false).parse().ok()?;
            let (vendor, transport) = (Arc::clone(vendor), Arc::clone(&upstream.transport));
            let (keys, turn) = (upstream.keys.clone(), AtomicUsize::new(0));
            Some(Arc::new(Self { vendor, dialect, url, transport, accounts, keys, turn }))
        };
        vendor.dialects().map(prepare).collect()
    }

    /// Whether it was prepared from the same vendor, keys and transport.
    pub(super) fn is_of(&self, upstream: &Upstream) -> bool {
        let keys = |keys: &[Secret<String>]| keys.iter().map(|key| key.reveal().clone()).collect::<Vec<_>>();
        *self.vendor == *upstream.vendor
            && keys(&self.keys) == keys(&upstream.keys)
            && Arc::ptr_eq(&self.transport, &upstream.transport)
    }

    /// The next account in turn that is in use; the next one in turn where none is.
    pub(super) fn account(&self, now: UnixMs) -> Option<&Account> {
        if let [only] = self.accounts.as_slice() {
            return Some(only);
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let (before, from) = self.accounts.split_at(turn.checked_rem(self.accounts.len())?);
        let in_turn = || from.iter().chain(before);
        in_turn().find(|account| account.is_cool(now)).or_else(|| in_turn().next())
    }

    /// The number of our accounts, and of those that rest.
    pub(super) fn accounts_and_resting(&self, now: UnixMs) -> (usize, usize) {
        (self.accounts.len(), self.accounts.iter().filter(|account| !account.is_cool(now)).count())
    }

    /// Whether the vendor counts tokens in this dialect.
    pub(super) fn counts(&self) -> bool {
        self.vendor.counts_tokens && self.dialect == Dialect::AnthropicMessages
    }

    /// Whether there are several accounts.
    pub(super) const fn has_several(&self) -> bool {
        self.accounts.len() > 1
    }

    /// Whether any account is in use.
    pub(super) fn has_account(&self, now: UnixMs) -> bool {
        self.accounts.iter().any(|account| account.is_cool(now))
    }
}

/// The vendor's own headers and our key; `None` when they are not valid in HTTP.
pub(crate) fn headers_to(vendor: &Vendor, dialect: Dialect, key: Option<&Secret<String>>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    // Without this any coding may come (RFC 9110, section 12.5.3).
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for (name, value) in &vendor.headers {
        headers.insert(HeaderName::try_from(name.as_str()).ok()?, HeaderValue::try_from(value.as_str()).ok()?);
    }
    if let (Some((name, scheme)), Some(key)) = (vendor.auth_in(dialect).header(), key) {
        let mut value = HeaderValue::try_from(format!("{scheme}{}", key.reveal())).ok()?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(name), value);
    }
    Some(headers)
}
