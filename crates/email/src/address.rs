//! Addresses, with and without a name.

use crate::error::MailError;
use crate::text::has_control;
use std::fmt;
use std::str::FromStr;

/// The longest address, in bytes: RFC 5321, 4.5.3.1.3, without the angle brackets.
const ADDRESS_BYTES_MAX: usize = 254;
/// The longest part before the `@`: RFC 5321, 4.5.3.1.1.
const LOCAL_BYTES_MAX: usize = 64;
/// The longest part between two dots of a domain: RFC 1035, 2.3.4.
const DOMAIN_LABEL_BYTES_MAX: usize = 63;
/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 100;
/// The characters of an unquoted local part besides letters and digits: RFC 5322, 3.2.3.
const ATOM_MARKS: &str = "!#$%&'*+-/=?^_`{|}~.";

/// An address such as `ada@example.org`, in ASCII, with its domain in lower case. `Debug` does not show it.
///
/// Quoted local parts, comments and address literals are refused: no person has one, and they are a way to smuggle in
/// more recipients.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(String);

impl Address {
    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for Address {
    type Err = MailError;

    fn from_str(text: &str) -> Result<Self, MailError> {
        let invalid = |problem| MailError::Invalid { field: "the address", problem };
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Err(invalid("has no @; write it as name@example.org"));
        };
        if text.len() > ADDRESS_BYTES_MAX || local.len() > LOCAL_BYTES_MAX {
            return Err(invalid("is longer than mail servers take; use another"));
        }
        if !is_local(local) {
            return Err(invalid("has something before the @ that cannot stand there; write it as name@example.org"));
        }
        if !is_domain(domain) {
            return Err(invalid("has no valid domain after the @; write an international domain in its xn-- form"));
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }
}

fn is_local(local: &str) -> bool {
    let is_atom = |part: &str| !part.is_empty();
    let known = |c: char| c.is_ascii_alphanumeric() || ATOM_MARKS.contains(c);
    local.chars().all(known) && local.split('.').all(is_atom)
}

/// Whether a text is a domain name with at least one dot, or `localhost`.
pub(crate) fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        let inner = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        inner && (1..=DOMAIN_LABEL_BYTES_MAX).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    let is_name = domain.contains('.') && last.chars().any(|c| c.is_ascii_alphabetic());
    domain.split('.').all(is_label) && (is_name || domain.eq_ignore_ascii_case("localhost"))
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(not shown)")
    }
}

/// An address with a name, such as `Acme <mail@acme.example>`. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: Address,
}

impl Mailbox {
    /// The name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// The mailbox as a header has it, the name in quotes where it needs them.
    #[must_use]
    pub fn to_header(&self) -> String {
        let plain = |name: &str| name.chars().all(|c| c.is_alphanumeric() || " -_'".contains(c));
        match self.name() {
            None => self.address.as_str().to_owned(),
            Some(name) if plain(name) => format!("{name} <{}>", self.address.as_str()),
            Some(name) => format!("\"{name}\" <{}>", self.address.as_str()),
        }
    }
}

impl FromStr for Mailbox {
    type Err = MailError;

    fn from_str(text: &str) -> Result<Self, MailError> {
        let Some((name, rest)) = text.split_once('<') else {
            return Ok(Self { name: None, address: text.trim().parse()? });
        };
        let invalid = |problem| Err(MailError::Invalid { field: "the name of a mailbox", problem });
        let Some(address) = rest.trim_end().strip_suffix('>') else {
            return invalid("is followed by < without >; write it as Name <name@example.org>");
        };
        let name = name.trim().trim_matches('"').trim();
        if has_control(name) || name.contains(['"', '\\', '>', '@']) || name.len() > NAME_BYTES_MAX {
            return invalid(
                "has quotes, an @ or control characters, or more than 100 bytes; shorten it to a plain name",
            );
        }
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(Self { name, address: address.trim().parse()? })
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailbox(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_mail_servers_take() {
        let check = |text: &str, expect: Option<&str>| {
            let found = text.parse::<Address>().ok();
            assert_eq!(found.as_ref().map(Address::as_str), expect, "{text}");
        };
        check("ada@example.org", Some("ada@example.org"));
        check("Ada.L+tag@EXAMPLE.Org", Some("Ada.L+tag@example.org"));
        check("o'neil@xn--bcher-kva.example", Some("o'neil@xn--bcher-kva.example"));
        check("root@localhost", Some("root@localhost"));
        check(&format!("{}@example.org", "a".repeat(64)), Some(&format!("{}@example.org", "a".repeat(64))));
        check(&format!("{}@example.org", "a".repeat(65)), None);
        for refused in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@example",
            "ada@.org",
            "ada@example..org",
            "ada@-a.org",
            "a b@c.de",
            "a@b@c.de",
            ".ada@c.de",
            "ada.@c.de",
            "a..b@c.de",
            "\"a\"@c.de",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "ada@example.org\r\nBcc: eve@example.org",
            "ada@example.org,eve@example.org",
            "ädä@example.org",
            "a@bü.de",
            "<ada@example.org>",
            "a@b.de\u{202e}",
        ] {
            check(refused, None);
        }
    }

    #[test]
    fn a_mailbox_has_a_plain_name_or_none() {
        let check = |text: &str, expect: Option<&str>| {
            let found = text.parse::<Mailbox>().ok();
            assert_eq!(found.map(|mailbox| mailbox.to_header()).as_deref(), expect, "{text}");
        };
        check("mail@acme.example", Some("mail@acme.example"));
        check("<mail@acme.example>", Some("mail@acme.example"));
        check("Acme Credits <mail@acme.example>", Some("Acme Credits <mail@acme.example>"));
        check("\"Acme, Inc.\" <mail@acme.example>", Some("\"Acme, Inc.\" <mail@acme.example>"));
        check("Acme\r\nBcc: eve@example.org <mail@acme.example>", None);
        check("a\"b <mail@acme.example>", None);
        check("Acme <mail@acme.example", None);
    }

    #[test]
    fn debug_shows_no_address() {
        let mailbox: Mailbox = "Ada <ada@example.org>".parse().unwrap();
        let shown = format!("{mailbox:?} {:?}", mailbox.address());
        assert!(!shown.to_lowercase().contains("ada") && !shown.contains("example"), "{shown}");
    }
}
