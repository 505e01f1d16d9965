//! Six-digit codes that prove an address, and the challenges that they answer.

use crate::purpose::Purpose;
use opencredits_keys::{HashKey, KeyDigest, Secret};
use opencredits_units::{Id, IdKind, UnixMs};

/// How long a code can be used.
pub const CODE_LIFETIME_MS: u64 = 300_000;
/// How often a code may be typed wrongly before it is used up.
pub const CODE_ATTEMPTS_MAX: u8 = 5;
/// Codes there are.
const CODES: u32 = 1_000_000;
const DIGITS: usize = 6;
/// The longest text that is looked at, in characters: six digits, and what people put between them.
const TYPED_CHARS_MAX: usize = 32;
/// Sets these hashes apart from others under the same key.
const LABEL: &[u8] = b"opencredits code v1";

/// The kind of a [`ChallengeId`].
pub enum ChallengeKind {}

impl IdKind for ChallengeKind {
    const PREFIX: &'static str = "chl";
}

/// Names a challenge. The browser that asked for the code keeps it, and sends it with the code.
pub type ChallengeId = Id<ChallengeKind>;

/// A code of six digits. It is mailed and never stored; `Debug` does not show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneTimeCode(Secret<u32>);

impl OneTimeCode {
    /// A code from random bytes, which must come from a cryptographic source. All codes are equally likely: words above
    /// the largest multiple of a million are rejected, not folded. None, once in 10^29, where all eight are; draw again.
    #[must_use]
    pub fn draw(random: [u8; 32]) -> Option<Self> {
        let bound = u32::MAX.checked_div(CODES)?.checked_mul(CODES)?;
        let (words, _) = random.as_chunks::<4>();
        let word = words.iter().map(|word| u32::from_be_bytes(*word)).find(|word| *word < bound)?;
        word.checked_rem(CODES).map(|code| Self(Secret::new(code)))
    }

    /// The code in what a person typed: six digits, with spaces or dashes anywhere.
    #[must_use]
    pub fn read(typed: &str) -> Option<Self> {
        let mut code: u32 = 0;
        let mut digits: usize = 0;
        for (at, char) in typed.chars().enumerate() {
            match char.to_digit(10) {
                Some(digit) => {
                    code = code.checked_mul(10)?.checked_add(digit)?;
                    digits = digits.checked_add(1)?;
                }
                None if char.is_whitespace() || is_dash(char) => {}
                None => return None,
            }
            if digits > DIGITS || at >= TYPED_CHARS_MAX {
                return None;
            }
        }
        (digits == DIGITS).then_some(Self(Secret::new(code)))
    }

    /// The six digits, for the mail.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{:06}", self.0.reveal())
    }

    fn digest(&self, key: &HashKey, id: ChallengeId, purpose: Purpose) -> KeyDigest {
        let id = id.bits().to_be_bytes();
        KeyDigest::from_bytes(key.hash(&[LABEL, &id, purpose.name().as_bytes(), self.reveal().as_bytes()]))
    }
}

const fn is_dash(char: char) -> bool {
    matches!(char, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// A code that was sent, as a store keeps it. Each field is a column; the code itself is none of them.
///
/// The digest is keyed: a million codes are tried in a second against a plain one. It covers the id and the purpose, so
/// that a row that is copied over another answers nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Its name.
    pub id: ChallengeId,
    /// What the code permits.
    pub purpose: Purpose,
    /// The keyed hash of the code.
    pub digest: KeyDigest,
    /// When it was made.
    pub created_at: UnixMs,
    /// From then on it is refused, and may be deleted.
    pub expires_at: UnixMs,
    /// How many wrong codes it still takes.
    pub attempts_left: u8,
    /// Whether it was answered.
    pub is_used: bool,
}

/// What is said to an answer. All that is wrong with one looks alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The code was right; the challenge is used now.
    Accepted,
    /// The code was wrong, for another purpose or challenge, too old, used before, or asked too often.
    Refused,
}

/// An answer to a challenge.
#[derive(Debug, Clone, Copy)]
pub struct CodeAnswer<'a> {
    /// Which challenge it answers.
    pub id: ChallengeId,
    /// What the person wants to do.
    pub purpose: Purpose,
    /// What was typed.
    pub typed: &'a Secret<&'a str>,
}

impl Challenge {
    /// The challenge that `code` answers.
    #[must_use]
    pub fn new(id: ChallengeId, purpose: Purpose, code: &OneTimeCode, key: &HashKey, now: UnixMs) -> Self {
        Self {
            id,
            purpose,
            digest: code.digest(key, id, purpose),
            created_at: now,
            expires_at: now.saturating_add_ms(CODE_LIFETIME_MS),
            attempts_left: CODE_ATTEMPTS_MAX,
            is_used: false,
        }
    }

    /// Whether a right code would be accepted now.
    #[must_use]
    pub fn is_open(&self, now: UnixMs) -> bool {
        !self.is_used && self.attempts_left > 0 && now < self.expires_at
    }

    /// Checks an answer and counts it. Store the challenge before the verdict is acted upon, by a compare-and-swap where
    /// several processes share the store.
    ///
    /// A text that cannot be a code costs no attempt.
    pub fn check(&mut self, answer: &CodeAnswer<'_>, key: &HashKey, now: UnixMs) -> Verdict {
        check_code(Some(self), answer, key, now)
    }
}

/// As [`Challenge::check`], for a challenge that may be unknown: the same hash is computed either way, so that time does
/// not tell whether it is.
pub fn check_code(challenge: Option<&mut Challenge>, answer: &CodeAnswer<'_>, key: &HashKey, now: UnixMs) -> Verdict {
    let typed = OneTimeCode::read(answer.typed.reveal());
    let code = typed.unwrap_or(OneTimeCode(Secret::new(0)));
    let digest = code.digest(key, answer.id, answer.purpose);
    let Some(challenge) = challenge else {
        return Verdict::Refused;
    };
    // Both are computed, and compared in constant time, before anything is decided.
    let is_right = digest == challenge.digest;
    let is_for_it = answer.id == challenge.id && answer.purpose == challenge.purpose;
    if typed.is_none() || !challenge.is_open(now) {
        return Verdict::Refused;
    }
    if is_right && is_for_it {
        challenge.is_used = true;
        return Verdict::Accepted;
    }
    challenge.attempts_left = challenge.attempts_left.saturating_sub(1);
    Verdict::Refused
}
