//! `[identity]`: people sign in.

use super::secret::SecretText;
use crate::sign_in::{ActionLimits, SessionLifetimes, SignInLimits, SignUp};
use opencredits_units::UnixMs;
use serde::{Deserialize, Serialize};

/// The longest lifetime of a session, in days.
const SESSION_DAYS_MAX: u32 = 3_650;
/// The longest version of terms, in bytes.
const VERSION_BYTES_MAX: usize = 64;
/// The most attempts in an hour.
const ATTEMPTS_MAX: u32 = 10_000_000;
/// Digits of a key.
const KEY_DIGITS: usize = 64;

/// `[identity]`: people sign in. Without `hash_key` and `link_keys` nobody does, and only keys are accepted.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// `open` (default): whoever proves an address gets an account. `closed`: only people whom the operator has added.
    pub sign_up: SignUp,
    /// The version of the terms that people accept. A new one is accepted by everybody at the next sign-in. Default "1".
    pub terms_version: String,
    /// The days after which a session that is not used ends. Default 14.
    pub session_idle_days: u32,
    /// The days after which a session ends in any case. Default 90.
    pub session_days: u32,
    /// Mails with a code to one address in an hour; the same for links. Default 6.
    pub mails_per_address_hour: u32,
    /// The same from one network: a /24 of IPv4 or a /64 of IPv6. Default 60.
    pub mails_per_network_hour: u32,
    /// The same in all. Default 1,000.
    pub mails_per_hour: u32,
    /// Answers with a code for one address in an hour, right or wrong. Default 12.
    pub answers_per_address_hour: u32,
    /// Answers from one network. Default 240.
    pub answers_per_network_hour: u32,
    /// Answers in all. Default 10,000.
    pub answers_per_hour: u32,
    /// The key for hashes of codes and attempts: 64 hexadecimal digits.
    pub hash_key: Option<SecretText>,
    /// A file with it.
    pub hash_key_file: Option<String>,
    /// The keys that links are signed with, the newest first, separated by spaces: each 64 hexadecimal digits.
    pub link_keys: Option<SecretText>,
    /// A file with them.
    pub link_keys_file: Option<String>,
    /// Whether keys that are not set are made once and kept in the data folder, where whoever reads it has them. Default
    /// false; `dev` turns it on.
    pub keys_in_data: bool,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            sign_up: SignUp::Open,
            terms_version: "1".to_owned(),
            session_idle_days: 14,
            session_days: 90,
            mails_per_address_hour: 6,
            mails_per_network_hour: 60,
            mails_per_hour: 1_000,
            answers_per_address_hour: 12,
            answers_per_network_hour: 240,
            answers_per_hour: 10_000,
            hash_key: None,
            hash_key_file: None,
            link_keys: None,
            link_keys_file: None,
            keys_in_data: false,
        }
    }
}

/// A setting, and its problem with the remedy.
type Problem = (&'static str, &'static str);

impl Identity {
    /// Whether both keys are set, or are made.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        let has_hash = self.hash_key.is_some() || self.hash_key_file.is_some();
        let has_links = self.link_keys.is_some() || self.link_keys_file.is_some();
        self.keys_in_data || has_hash && has_links
    }

    /// How long sessions last.
    #[must_use]
    pub fn lifetimes(&self) -> SessionLifetimes {
        let days = |days: u32| u64::from(days).saturating_mul(UnixMs::DAY_MS);
        SessionLifetimes {
            idle_ms: days(self.session_idle_days),
            absolute_ms: days(self.session_days),
            ..SessionLifetimes::default()
        }
    }

    /// How often somebody may try.
    #[must_use]
    pub const fn limits(&self) -> SignInLimits {
        SignInLimits {
            mails: ActionLimits {
                address: self.mails_per_address_hour,
                network: self.mails_per_network_hour,
                overall: self.mails_per_hour,
            },
            answers: ActionLimits {
                address: self.answers_per_address_hour,
                network: self.answers_per_network_hour,
                overall: self.answers_per_hour,
            },
        }
    }

    /// The first problem of this section.
    pub(super) fn problem(&self, can_mail: bool) -> Option<Problem> {
        const ATTEMPTS: &str = "is not between 1 and 10000000; set how many an hour may have";
        const DAYS: &str = "is not between 1 and 3650, or shorter than session_idle_days; set it to 90, say";
        const TWICE: &str = "is set twice; keep one of the key and its file";
        const KEY: &str = "has something that is no key of 64 hexadecimal digits; make one with: openssl rand -hex 32";
        let attempts = |count: u32| (1..=ATTEMPTS_MAX).contains(&count);
        let version = !self.terms_version.trim().is_empty() && self.terms_version.len() <= VERSION_BYTES_MAX;
        let has_hash = self.hash_key.is_some() || self.hash_key_file.is_some();
        let has_links = self.link_keys.is_some() || self.link_keys_file.is_some();
        let is_key = |text: &SecretText| keys_of(text.reveal()).is_some();
        let rows = [
            (version, ("identity.terms_version", "is blank or longer than 64 bytes; set it to \"1\", say")),
            (attempts(self.mails_per_address_hour), ("identity.mails_per_address_hour", ATTEMPTS)),
            (attempts(self.mails_per_network_hour), ("identity.mails_per_network_hour", ATTEMPTS)),
            (attempts(self.mails_per_hour), ("identity.mails_per_hour", ATTEMPTS)),
            (attempts(self.answers_per_address_hour), ("identity.answers_per_address_hour", ATTEMPTS)),
            (attempts(self.answers_per_network_hour), ("identity.answers_per_network_hour", ATTEMPTS)),
            (attempts(self.answers_per_hour), ("identity.answers_per_hour", ATTEMPTS)),
            (self.session_idle_days > 0, ("identity.session_idle_days", "is 0; set it to 14, say")),
            ((self.session_idle_days..=SESSION_DAYS_MAX).contains(&self.session_days), ("identity.session_days", DAYS)),
            (self.hash_key.is_none() || self.hash_key_file.is_none(), ("identity.hash_key", TWICE)),
            (self.link_keys.is_none() || self.link_keys_file.is_none(), ("identity.link_keys", TWICE)),
            (self.hash_key.as_ref().is_none_or(is_key), ("identity.hash_key", KEY)),
            (self.link_keys.as_ref().is_none_or(is_key), ("identity.link_keys", KEY)),
            (
                has_hash == has_links || self.keys_in_data,
                ("identity.link_keys", "is set without hash_key, or hash_key without it; set both or none"),
            ),
            (
                can_mail || !has_hash,
                ("email.transport", "is none, and codes to sign in are mailed; set it, or remove identity.hash_key"),
            ),
        ];
        rows.into_iter().find(|(holds, _)| !holds).map(|(_, problem)| problem)
    }
}

/// The keys in a text, each of 64 hexadecimal digits; none where there is something else, or nothing.
#[must_use]
pub fn keys_of(text: &str) -> Option<Vec<[u8; 32]>> {
    let keys: Option<Vec<[u8; 32]>> = text.split_whitespace().map(key_of).collect();
    keys.filter(|keys| !keys.is_empty())
}

fn key_of(digits: &str) -> Option<[u8; 32]> {
    if digits.len() != KEY_DIGITS {
        return None;
    }
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    // A sign is no digit.
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.filter(|_| is_hex)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
    const MAIL: &str = "[email]\ntransport = \"console\"\nfrom = \"a@b.example\"\n[identity]\n";

    fn check(text: &str, expect: Result<bool, &str>) {
        match (Config::read(text, []), expect) {
            (Ok(config), Ok(is_on)) => assert_eq!(config.identity.is_on(), is_on, "{text}"),
            (Err(error), Err(expect)) => assert!(error.to_string().contains(expect), "{text}: {error}"),
            (found, expect) => panic!("{text}: {:?}, {expect:?}", found.map(|_| ())),
        }
    }

    #[test]
    fn each_setting_has_its_bounds_and_keys_come_together() {
        let with = |rest: &str| format!("{MAIL}{rest}");
        let both = format!("hash_key = \"{KEY}\"\nlink_keys = \"{KEY} {KEY}\"");
        check("", Ok(false));
        check("[identity]\nkeys_in_data = true", Ok(true));
        check(&with(&both), Ok(true));
        check(&with("hash_key_file = \"/run/a\"\nlink_keys_file = \"/run/b\""), Ok(true));
        check(&format!("[identity]\n{both}"), Err("email.transport"));
        check(&with(&format!("hash_key = \"{KEY}\"")), Err("set both or none"));
        check(&with(&format!("{both}\nhash_key_file = \"/run/a\"")), Err("set twice"));
        for wrong in ["00", &KEY.replace('f', "g"), &KEY.replacen("00", "+1", 1)] {
            check(&with(&format!("hash_key = \"{wrong}\"\nlink_keys = \"{KEY}\"")), Err("64 hexadecimal digits"));
        }
        check("[identity]\nterms_version = \" \"", Err("terms_version"));
        check("[identity]\nmails_per_hour = 0", Err("mails_per_hour"));
        check("[identity]\nsession_days = 13", Err("session_days"));
        check("[identity]\nsign_up = \"perhaps\"", Err("perhaps"));
    }

    #[test]
    fn no_key_is_shown() {
        let text = format!("{MAIL}hash_key = \"{KEY}\"\nlink_keys = \"{KEY}\"");
        let config = Config::read(&text, []).unwrap();
        assert!(!config.show().unwrap().contains("0011") && !format!("{config:?}").contains("0011"));
    }
}
