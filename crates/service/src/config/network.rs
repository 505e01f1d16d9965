//! Peers, as settings name them: an address, or a network.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The leading bits of an IPv6 address that holds an IPv4 one (RFC 4291, section 2.5.5.2).
const MAPPED_BITS: u8 = 96;

/// An address such as `10.0.0.7`, or a network such as `10.0.0.0/8`.
///
/// ```
/// use opencredits_service::config::Network;
/// let network: Network = "10.0.0.0/8".parse()?;
/// assert!(network.contains("10.1.2.3".parse()?) && !network.contains("11.1.2.3".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    /// The first address. One of IPv4 is never in the form of IPv6.
    first: IpAddr,
    /// The leading bits that all addresses share.
    bits: u8,
}

/// A text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// It is neither an address nor a network.
    #[error("{text:?} is no address and no network; write it as \"10.0.0.7\" or \"10.0.0.0/8\"")]
    Malformed {
        /// The text.
        text: String,
    },
    /// It has bits beyond its prefix, so that it may be a mistake.
    #[error("{text:?} has bits beyond its prefix; the network is \"{network}\"")]
    BitsBeyond {
        /// The text.
        text: String,
        /// The network with this address and this prefix.
        network: Network,
    },
}

impl Network {
    /// Whether an address is in it. An IPv4 address counts as such in both forms.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::around(address.to_canonical(), self.bits).is_some_and(|network| network == *self)
    }

    /// The network of an address with so many leading bits; `None` where the address has fewer.
    fn around(address: IpAddr, bits: u8) -> Option<Self> {
        let first = match address {
            IpAddr::V4(address) => {
                let rest = u32::BITS.checked_sub(bits.into())?;
                Ipv4Addr::from_bits(address.to_bits() & u32::MAX.checked_shl(rest).unwrap_or_default()).into()
            }
            IpAddr::V6(address) => {
                let rest = u128::BITS.checked_sub(bits.into())?;
                Ipv6Addr::from_bits(address.to_bits() & u128::MAX.checked_shl(rest).unwrap_or_default()).into()
            }
        };
        Some(Self { first, bits })
    }
}

/// The bits of an address.
const fn bits_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let first = address.to_canonical();
        Self { first, bits: bits_of(first) }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let malformed = || NetworkError::Malformed { text: text.to_owned() };
        let Some((address, bits)) = text.split_once('/') else {
            return text.parse::<IpAddr>().map(Self::from).map_err(|_| malformed());
        };
        let given: IpAddr = address.parse().map_err(|_| malformed())?;
        let bits: u8 =
            bits.parse().ok().filter(|_| bits.bytes().all(|byte| byte.is_ascii_digit())).ok_or_else(malformed)?;
        let address = given.to_canonical();
        // A prefix of an IPv4 address in the form of IPv6 counts the bits of that form.
        let bits = if given == address { bits } else { bits.checked_sub(MAPPED_BITS).ok_or_else(malformed)? };
        let network = Self::around(address, bits).ok_or_else(malformed)?;
        if network.first != address {
            return Err(NetworkError::BitsBeyond { text: text.to_owned(), network });
        }
        Ok(network)
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bits == bits_of(self.first) {
            return self.first.fmt(f);
        }
        write!(f, "{}/{}", self.first, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, within: &[&str], outside: &[&str]) {
        let network: Network = text.parse().unwrap();
        assert_eq!(network.to_string(), text);
        for (addresses, expect) in [(within, true), (outside, false)] {
            for address in addresses {
                assert_eq!(network.contains(address.parse().unwrap()), expect, "{address} in {text}");
            }
        }
    }

    #[test]
    fn an_address_is_in_a_network_that_shares_its_leading_bits() {
        check("10.0.0.7", &["10.0.0.7", "::ffff:10.0.0.7"], &["10.0.0.8", "::a00:7"]);
        check("10.0.0.0/8", &["10.0.0.0", "10.255.255.255", "::ffff:10.1.1.1"], &["11.0.0.0", "9.255.255.255"]);
        check("192.0.2.128/25", &["192.0.2.128", "192.0.2.255"], &["192.0.2.127"]);
        check("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"], &["::1", "2001:db8::1"]);
        check("2001:db8::/32", &["2001:db8::1", "2001:db8:ffff::"], &["2001:db9::", "10.0.0.1"]);
        check("::/0", &["::1", "2001:db8::1"], &["10.0.0.1"]);
        check("::1", &["::1"], &["::2", "127.0.0.1"]);
    }

    #[test]
    fn an_ipv4_network_in_the_form_of_ipv6_is_that_network() {
        let read = |text: &str| text.parse::<Network>().map(|network| network.to_string());
        assert_eq!(read("::ffff:10.0.0.0/104").as_deref(), Ok("10.0.0.0/8"));
        assert_eq!(read("::ffff:10.0.0.7").as_deref(), Ok("10.0.0.7"));
        assert!(read("::ffff:10.0.0.0/95").is_err());
    }

    #[test]
    fn what_is_no_network_is_refused_with_the_form_that_is_meant() {
        let check = |text: &str, words: &str| {
            let error = text.parse::<Network>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        };
        for text in ["", "lb.example", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/+8", "10.0.0.0/", "10.0.0.1:80"] {
            check(text, "is no address and no network");
        }
        check("10.0.0.7/8", "the network is \"10.0.0.0/8\"");
    }
}
