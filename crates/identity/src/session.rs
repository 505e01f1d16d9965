//! Sessions of browsers: how long they last, and how a person recognises them.

use opencredits_keys::{KeyDigest, SessionToken};
use opencredits_units::{UnixMs, UserId};
use std::fmt;

/// How much of a `User-Agent` is looked at, in bytes.
const USER_AGENT_BYTES_MAX: usize = 512;

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLifetimes {
    /// Without a request, in milliseconds. 14 days by default.
    pub idle_ms: u64,
    /// In all, in milliseconds. 90 days by default.
    pub absolute_ms: u64,
    /// The last use is written when it is older than this, in milliseconds. 10 minutes by default.
    pub touch_ms: u64,
}

impl Default for SessionLifetimes {
    fn default() -> Self {
        let days = |days: u64| days.saturating_mul(UnixMs::DAY_MS);
        Self { idle_ms: days(14), absolute_ms: days(90), touch_ms: 600_000 }
    }
}

/// A session as a store keeps it; the token is not a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The digest of its token.
    pub digest: KeyDigest,
    /// Whose it is.
    pub user: UserId,
    /// What the person recognises it by.
    pub browser: BrowserName,
    /// When it began.
    pub created_at: UnixMs,
    /// When it was used last, as far as that was written.
    pub used_at: UnixMs,
    /// When it was revoked, if it was.
    pub revoked_at: Option<UnixMs>,
}

/// Whether a session can be used. Which of the last three holds is no business of who presents the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It can.
    Valid,
    /// It was not used for too long.
    Idle,
    /// It has lasted long enough.
    Aged,
    /// It was revoked.
    Revoked,
}

/// A sign-in: the new session, and the one that it replaces.
#[derive(Debug)]
pub struct SignIn {
    /// The token for the browser.
    pub token: SessionToken,
    /// What to store.
    pub session: Session,
    /// The session that the same browser had, to be revoked.
    pub replaces: Option<KeyDigest>,
}

impl Session {
    /// A session for a person who has just proved who they are. The token is always new and the browser's old one ends, so
    /// that a token which somebody planted before the sign-in is worth nothing after it (session fixation).
    #[must_use]
    pub fn begin(user: UserId, browser: BrowserName, old: Option<KeyDigest>, random: [u8; 32], now: UnixMs) -> SignIn {
        let token = SessionToken::generate(random);
        let digest = token.digest();
        let session = Self { digest, user, browser, created_at: now, used_at: now, revoked_at: None };
        SignIn { token, session, replaces: old.filter(|old| *old != digest) }
    }

    /// Whether it can be used now. A clock that went back ends no session.
    #[must_use]
    pub fn standing(&self, lifetimes: &SessionLifetimes, now: UnixMs) -> Standing {
        if self.revoked_at.is_some() {
            Standing::Revoked
        } else if now.ms_since(self.created_at) >= lifetimes.absolute_ms {
            Standing::Aged
        } else if now.ms_since(self.used_at) >= lifetimes.idle_ms {
            Standing::Idle
        } else {
            Standing::Valid
        }
    }

    /// When it ends if it is not used any more: from then on its row may be deleted.
    #[must_use]
    pub fn ends_at(&self, lifetimes: &SessionLifetimes) -> UnixMs {
        let idle = self.used_at.saturating_add_ms(lifetimes.idle_ms);
        idle.min(self.created_at.saturating_add_ms(lifetimes.absolute_ms))
    }

    /// Whether the last use should be written: once in `touch_ms`, not at every request.
    #[must_use]
    pub const fn touch_due(&self, lifetimes: &SessionLifetimes, now: UnixMs) -> bool {
        now.ms_since(self.used_at) >= lifetimes.touch_ms
    }
}

/// A browser and its system, such as "Firefox on Linux": no version, no model, nothing that the header has besides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct BrowserName {
    name: Option<&'static str>,
    system: Option<&'static str>,
}

/// What a `User-Agent` has, and the browser that says so. Browsers claim to be others, so the first that fits counts.
const BROWSERS: [(&str, &str); 13] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];
/// The same for systems.
const SYSTEMS: [(&str, &str); 9] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Macintosh", "macOS"),
    ("FreeBSD", "FreeBSD"),
    ("Linux", "Linux"),
];

/// The browser that a `User-Agent` header names. Its text is never kept.
#[must_use]
pub fn browser_name(user_agent: &str) -> BrowserName {
    let end = user_agent.floor_char_boundary(USER_AGENT_BYTES_MAX);
    let header = user_agent.get(..end).unwrap_or_default();
    let find = |table: &[(&str, &'static str)]| table.iter().find(|(mark, _)| header.contains(mark)).map(|row| row.1);
    BrowserName { name: find(&BROWSERS), system: find(&SYSTEMS) }
}

impl BrowserName {
    /// The name in a store's text, as [`BrowserName`] displays itself; unknown where it is none of ours.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let (name, system) = text.split_once(" on ").unwrap_or((text, ""));
        let find = |table: &[(&str, &'static str)], text: &str| table.iter().map(|row| row.1).find(|own| *own == text);
        Self { name: find(&BROWSERS, name), system: find(&SYSTEMS, system).or_else(|| find(&SYSTEMS, text)) }
    }
}

impl fmt::Display for BrowserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.name, self.system) {
            (Some(name), Some(system)) => write!(f, "{name} on {system}"),
            (Some(one), None) | (None, Some(one)) => f.write_str(one),
            (None, None) => f.write_str("Unknown browser"),
        }
    }
}
