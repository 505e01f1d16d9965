//! The device flow (RFC 8628): a terminal shows a code, a person types it on a page, the terminal asks until that is done.

use super::bearer::Bearer;
use super::family::{Consent, FamilyId};
use super::refusal::OauthError;
use super::token_request::DeviceRequest;
use opencredits_keys::{HashKey, KeyDigest, Secret};
use opencredits_units::{UnixMs, UserId};
use std::str::FromStr;

/// How long a person has to type the code.
pub const DEVICE_LIFETIME_MS: u64 = 600_000;
/// How long a terminal waits between two questions at first.
pub const DEVICE_INTERVAL_MS: u64 = 5_000;
/// By how much it waits longer after each that came too early (section 3.5).
const SLOW_DOWN_MS: u64 = 5_000;
const INTERVAL_MS_MAX: u64 = 60_000;
/// How much earlier a question may come: timers and networks are not exact.
const TOLERANCE_MS: u64 = 500;

/// Consonants, so that no code is a word (section 6.1). Eight of twenty are 34 bits.
const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const LETTERS: usize = 8;
/// The longest text that is looked at, in characters.
const TYPED_CHARS_MAX: usize = 32;
const LABEL: &[u8] = b"opencredits user code v1";

/// What a person types: `BCDF-GHJK`. `Debug` does not show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCode(Secret<[u8; LETTERS]>);

impl UserCode {
    /// A code from random bytes, which must come from a cryptographic source. Bytes above the largest multiple of twenty are
    /// rejected, so that all letters are equally likely. None, once in 10^24, where too few are left; draw again.
    #[must_use]
    pub fn draw(random: [u8; 32]) -> Option<Self> {
        let mut letters = random.iter().filter(|byte| **byte < 240).map(|byte| usize::from(byte.wrapping_rem(20)));
        let mut code = [0; LETTERS];
        for slot in &mut code {
            *slot = *ALPHABET.get(letters.next()?)?;
        }
        Some(Self(Secret::new(code)))
    }

    /// The code as it is shown.
    #[must_use]
    pub fn reveal(&self) -> String {
        let letters = self.0.reveal().map(char::from);
        let (first, second) = letters.split_at(LETTERS / 2);
        first.iter().chain(&['-']).chain(second).collect()
    }

    /// What a store finds it by: a keyed hash, since 34 bits are guessed in seconds against a plain one.
    #[must_use]
    pub fn digest(&self, key: &HashKey) -> KeyDigest {
        KeyDigest::from_bytes(key.hash(&[LABEL, self.0.reveal()]))
    }
}

/// Reads what was typed: in any case, with spaces and dashes anywhere.
impl FromStr for UserCode {
    type Err = OauthError;

    fn from_str(typed: &str) -> Result<Self, OauthError> {
        let mut code = [0; LETTERS];
        let mut slots = code.iter_mut();
        for (at, char) in typed.chars().enumerate() {
            let letter = u8::try_from(char.to_ascii_uppercase()).ok().filter(|letter| ALPHABET.contains(letter));
            let is_between = char.is_whitespace() || matches!(char, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
            match (letter, is_between) {
                (Some(letter), _) => *slots.next().ok_or(OauthError::InvalidRequest)? = letter,
                (None, true) if at < TYPED_CHARS_MAX => {}
                (None, _) => return Err(OauthError::InvalidRequest),
            }
        }
        if slots.next().is_some() { Err(OauthError::InvalidRequest) } else { Ok(Self(Secret::new(code))) }
    }
}

/// Where a device's request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    /// Nobody has decided.
    Pending,
    /// A person agreed.
    Approved {
        /// Who.
        user: UserId,
        /// What is issued.
        family: FamilyId,
    },
    /// A person refused.
    Denied,
    /// The tokens were handed out.
    Redeemed {
        /// What was issued.
        family: FamilyId,
    },
}

/// A device's request, as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceGrant {
    /// The digest of the device code, by which the terminal asks.
    pub digest: KeyDigest,
    /// The keyed hash of the user code, by which the person finds it.
    pub user_code: KeyDigest,
    /// Whose terminal it is.
    pub client_id: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// For which resources.
    pub resources: Vec<String>,
    /// From then on it is refused, and may be deleted.
    pub expires_at: UnixMs,
    /// How long the terminal waits between two questions, in milliseconds.
    pub interval_ms: u64,
    /// When it asked last.
    pub polled_at: Option<UnixMs>,
    /// Where it stands.
    pub state: DeviceState,
}

/// What a terminal is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum DevicePoll {
    /// The person agreed; hand the tokens out. Store the request first, by a compare-and-swap on its state.
    Granted {
        /// Who agreed.
        user: UserId,
        /// What is issued.
        family: FamilyId,
    },
    /// An error. Store the request: the interval may have changed.
    Refused(OauthError),
    /// `invalid_grant`, and the family must be revoked: a device code that was exchanged came again.
    Reused(FamilyId),
}

/// What became of a person's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decided {
    /// It counts.
    Done,
    /// The request is too old, or was decided before.
    TooLate,
}

impl DeviceGrant {
    /// What a terminal asked for, until a person decides.
    #[must_use]
    pub fn new(request: DeviceRequest, device_code: &Bearer, user_code: KeyDigest, now: UnixMs) -> Self {
        let DeviceRequest { client_id, scopes, resources } = request;
        Self {
            digest: device_code.digest(),
            user_code,
            client_id,
            scopes,
            resources,
            expires_at: now.saturating_add_ms(DEVICE_LIFETIME_MS),
            interval_ms: DEVICE_INTERVAL_MS,
            polled_at: None,
            state: DeviceState::Pending,
        }
    }

    /// What `user` agrees to, or has agreed to.
    #[must_use]
    pub fn consent(&self, user: UserId) -> Consent {
        let (client_id, scopes, resources) = (self.client_id.clone(), self.scopes.clone(), self.resources.clone());
        Consent { client_id, user, scopes, resources }
    }

    /// A person agrees. Show which client asks and for what, and have them confirm that the code is on their own screen: the
    /// code may have been sent to them (section 5.4).
    pub fn approve(&mut self, user: UserId, family: FamilyId, now: UnixMs) -> Decided {
        self.decide(DeviceState::Approved { user, family }, now)
    }

    /// A person refuses.
    pub fn deny(&mut self, now: UnixMs) -> Decided {
        self.decide(DeviceState::Denied, now)
    }

    fn decide(&mut self, state: DeviceState, now: UnixMs) -> Decided {
        if self.state != DeviceState::Pending || now >= self.expires_at {
            return Decided::TooLate;
        }
        self.state = state;
        Decided::Done
    }

    /// The terminal asks (section 3.5).
    pub fn poll(&mut self, client_id: &str, now: UnixMs) -> DevicePoll {
        if client_id != self.client_id {
            return DevicePoll::Refused(OauthError::InvalidGrant);
        }
        match self.state {
            DeviceState::Redeemed { family } => return DevicePoll::Reused(family),
            DeviceState::Denied => return DevicePoll::Refused(OauthError::AccessDenied),
            _ if now >= self.expires_at => return DevicePoll::Refused(OauthError::ExpiredToken),
            DeviceState::Pending | DeviceState::Approved { .. } => {}
        }
        let waited_ms = self.polled_at.map(|at| now.ms_since(at));
        self.polled_at = Some(now);
        if waited_ms.is_some_and(|waited_ms| waited_ms.saturating_add(TOLERANCE_MS) < self.interval_ms) {
            self.interval_ms = self.interval_ms.saturating_add(SLOW_DOWN_MS).min(INTERVAL_MS_MAX);
            return DevicePoll::Refused(OauthError::SlowDown);
        }
        let DeviceState::Approved { user, family } = self.state else {
            return DevicePoll::Refused(OauthError::AuthorizationPending);
        };
        self.state = DeviceState::Redeemed { family };
        DevicePoll::Granted { user, family }
    }
}
