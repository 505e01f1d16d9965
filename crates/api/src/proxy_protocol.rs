//! The header of the PROXY protocol, in which a load balancer tells whose connection it passes on. Both versions; pure.
//!
//! Rules are those of HAProxy's specification (<https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest header, in bytes: of version 2 with addresses and some two thousand bytes more.
pub(crate) const HEADER_BYTES_MAX: usize = 2_048;
/// The longest line of version 1, with its end (section 2.1).
const LINE_BYTES_MAX: usize = 107;
const LINE_BEGIN: &[u8] = b"PROXY ";
/// How version 2 begins (section 2.2), and the bytes before its addresses.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED_BYTES: usize = 16;
/// The commands of version 2, with the version in front.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
/// The families of version 2 whose addresses are those of TCP.
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;
/// The largest family, and the largest transport.
const FAMILY_MAX: u8 = 3;
const TRANSPORT_MAX: u8 = 2;
/// Addresses and ports of both ends, in bytes.
const TCP4_BYTES: usize = 12;
const TCP6_BYTES: usize = 36;

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A client's, at this address.
    Client(IpAddr),
    /// The load balancer's own, such as a health check, or one of which it tells no address.
    Balancer,
}

/// What the first bytes of a connection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// The beginning of a header, all of them.
    Part,
    /// A header of this length, in bytes; what follows is the client's.
    Whole { source: Source, length: usize },
}

/// The bytes do not begin with a header, or with one that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoHeader {
    #[error("the connection does not begin with a header of the PROXY protocol")]
    Missing,
    #[error("the header of the PROXY protocol is malformed")]
    Malformed,
    #[error("the header of the PROXY protocol is too long")]
    TooLong,
}

/// Reads the header that the bytes begin with.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, NoHeader> {
    if bytes.starts_with(LINE_BEGIN) {
        return line(bytes);
    }
    if bytes.starts_with(SIGNATURE) {
        return block(bytes);
    }
    match LINE_BEGIN.starts_with(bytes) || SIGNATURE.starts_with(bytes) {
        true => Ok(Header::Part),
        false => Err(NoHeader::Missing),
    }
}

/// Version 1: a line of text.
fn line(bytes: &[u8]) -> Result<Header, NoHeader> {
    let bytes = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
        return if bytes.len() < LINE_BYTES_MAX { Ok(Header::Part) } else { Err(NoHeader::TooLong) };
    };
    let line = bytes.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(NoHeader::Malformed)?;
    let line = std::str::from_utf8(line).map_err(|_| NoHeader::Malformed)?;
    let source = source(line).ok_or(NoHeader::Malformed)?;
    Ok(Header::Whole { source, length: end.saturating_add(1) })
}

fn source(line: &str) -> Option<Source> {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        // What follows is to be ignored.
        ["PROXY", "UNKNOWN", ..] => Some(Source::Balancer),
        ["PROXY", family, client, server, client_port, server_port] => {
            let (client, server): (IpAddr, IpAddr) = (client.parse().ok()?, server.parse().ok()?);
            let is_of_family = |address: IpAddr| match family {
                "TCP4" => address.is_ipv4(),
                "TCP6" => address.is_ipv6(),
                _ => false,
            };
            let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok();
            let holds = is_of_family(client) && is_of_family(server) && is_port(client_port) && is_port(server_port);
            holds.then_some(Source::Client(client))
        }
        _ => None,
    }
}

/// Version 2: a block of bytes, which tells its length.
fn block(bytes: &[u8]) -> Result<Header, NoHeader> {
    let Some(fixed) = bytes.first_chunk::<FIXED_BYTES>() else { return Ok(Header::Part) };
    let [.., command, family, high, low] = *fixed;
    let (is_local, is_proxy) = (command == LOCAL, command == PROXY);
    // A LOCAL command has any family, which is to be ignored.
    let is_family = family >> 4 <= FAMILY_MAX && family & 0x0f <= TRANSPORT_MAX;
    if !(is_local || is_proxy && is_family) {
        return Err(NoHeader::Malformed);
    }
    let length = FIXED_BYTES.saturating_add(u16::from_be_bytes([high, low]).into());
    if length > HEADER_BYTES_MAX {
        return Err(NoHeader::TooLong);
    }
    let least = FIXED_BYTES
        + match family {
            TCP4 if is_proxy => TCP4_BYTES,
            TCP6 if is_proxy => TCP6_BYTES,
            _ => 0,
        };
    if length < least {
        return Err(NoHeader::Malformed);
    }
    let Some(rest) = bytes.get(FIXED_BYTES..length) else { return Ok(Header::Part) };
    let client = match family {
        _ if is_local => None,
        TCP4 => rest.first_chunk::<4>().map(|bytes| IpAddr::from(Ipv4Addr::from(*bytes))),
        TCP6 => rest.first_chunk::<16>().map(|bytes| IpAddr::from(Ipv6Addr::from(*bytes))),
        // Sockets of files, datagrams, or nothing that the load balancer knows.
        _ => None,
    };
    Ok(Header::Whole { source: client.map_or(Source::Balancer, Source::Client), length })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLIENT: &str = "203.0.113.7";
    const CLIENT_6: &str = "2001:db8::7";

    fn whole(source: Source, length: usize) -> Result<Header, NoHeader> {
        Ok(Header::Whole { source, length })
    }

    fn client(address: &str) -> Source {
        Source::Client(address.parse().unwrap())
    }

    /// What the bytes are, with a request behind them and without one.
    fn check(bytes: &[u8], expect: Result<Source, NoHeader>) {
        let expect = expect.map(|source| Header::Whole { source, length: bytes.len() });
        assert_eq!(header(bytes), expect, "{}", bytes.escape_ascii());
        assert_eq!(header(&[bytes, b"GET / HTTP/1.1\r\n"].concat()), expect, "{}", bytes.escape_ascii());
    }

    /// A header of version 2.
    fn built(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, rest].concat()
    }

    fn tcp4() -> Vec<u8> {
        [&[203, 0, 113, 7], &[192, 0, 2, 1], &[0x1f, 0x90, 0x01, 0xbb][..]].concat()
    }

    fn tcp6() -> Vec<u8> {
        let address: Ipv6Addr = CLIENT_6.parse().unwrap();
        [&address.octets()[..], &Ipv6Addr::LOCALHOST.octets(), &[0, 1, 0, 2]].concat()
    }

    #[test]
    fn a_line_tells_the_client_of_a_connection() {
        check(b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n", Ok(client(CLIENT)));
        check(b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", Ok(client("255.255.255.255")));
        check(b"PROXY TCP6 2001:db8::7 ::1 56324 443\r\n", Ok(client(CLIENT_6)));
        check(b"PROXY UNKNOWN\r\n", Ok(Source::Balancer));
        check(b"PROXY UNKNOWN anything 1 2 3\r\n", Ok(Source::Balancer));
        for wrong in [
            "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\n",
            "PROXY TCP4 203.0.113.7 192.0.2.1 56324\r\n",
            "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443 1\r\n",
            "PROXY TCP4 203.0.113.7  192.0.2.1 56324 443\r\n",
            "PROXY TCP4 203.0.113.7 192.0.2.1 56324 65536\r\n",
            "PROXY TCP4 203.0.113.7 192.0.2.1 +5 443\r\n",
            "PROXY TCP4 203.0.113.07 192.0.2.1 5 443\r\n",
            "PROXY TCP4 2001:db8::7 ::1 5 443\r\n",
            "PROXY TCP6 203.0.113.7 192.0.2.1 5 443\r\n",
            "PROXY TCP5 203.0.113.7 192.0.2.1 5 443\r\n",
            "PROXY tcp4 203.0.113.7 192.0.2.1 5 443\r\n",
            "PROXY \r\n",
            "PROXY \u{e9}\r\n",
        ] {
            check(wrong.as_bytes(), Err(NoHeader::Malformed));
        }
    }

    #[test]
    fn a_block_tells_the_client_of_a_connection() {
        check(&built(PROXY, TCP4, &tcp4()), Ok(client(CLIENT)));
        check(&built(PROXY, TCP6, &tcp6()), Ok(client(CLIENT_6)));
        let more = [tcp4(), vec![0x04, 0, 3, 1, 2, 3]].concat();
        check(&built(PROXY, TCP4, &more), Ok(client(CLIENT)));
        check(&built(LOCAL, 0, b""), Ok(Source::Balancer));
        check(&built(LOCAL, TCP4, &tcp4()), Ok(Source::Balancer));
        check(&built(LOCAL, 0xff, b"anything"), Ok(Source::Balancer));
        check(&built(PROXY, 0x00, b"anything"), Ok(Source::Balancer));
        // Datagrams, and sockets of files.
        check(&built(PROXY, 0x12, &tcp4()), Ok(Source::Balancer));
        check(&built(PROXY, 0x31, &[7; 216]), Ok(Source::Balancer));
        for (command, family, rest) in [
            (0x11, TCP4, tcp4()),
            (0x22, TCP4, tcp4()),
            (PROXY, 0x41, tcp4()),
            (PROXY, 0x13, tcp4()),
            (PROXY, TCP4, tcp4()[1..].to_vec()),
            (PROXY, TCP6, tcp4()),
        ] {
            check(&built(command, family, &rest), Err(NoHeader::Malformed));
        }
    }

    #[test]
    fn a_header_has_a_length_that_it_does_not_exceed() {
        let unknown = |length: usize| format!("PROXY UNKNOWN {}\r\n", "x".repeat(length - 16)).into_bytes();
        check(&unknown(LINE_BYTES_MAX), Ok(Source::Balancer));
        check(&unknown(LINE_BYTES_MAX + 1), Err(NoHeader::TooLong));
        let rest = vec![0; HEADER_BYTES_MAX - FIXED_BYTES];
        check(&built(LOCAL, 0, &rest), Ok(Source::Balancer));
        let longer = built(LOCAL, 0, &vec![0; rest.len() + 1]);
        assert_eq!(header(&longer[..FIXED_BYTES]), Err(NoHeader::TooLong), "it is not waited for");
    }

    #[test]
    fn what_is_no_header_is_told_with_its_first_bytes() {
        for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x03\x01", b"PROXY\r\n", b"\r\n\r\nG", b"POST"] {
            assert_eq!(header(bytes), Err(NoHeader::Missing), "{}", bytes.escape_ascii());
        }
        assert_eq!(header(b""), Ok(Header::Part));
        assert_eq!(header(b"P"), Ok(Header::Part));
        assert_eq!(whole(Source::Balancer, 15), header(b"PROXY UNKNOWN\r\n\r\n"));
    }

    fn some_bytes() -> impl Strategy<Value = Vec<u8>> {
        let some = || proptest::collection::vec(any::<u8>(), 0..150);
        let line = "PROXY (TCP4|TCP6|UNKNOWN|X) ?[0-9a-f.: ]{0,120}(\r\n|\n|)".prop_map(String::into_bytes);
        let block = (0x1f_u8..0x23, any::<u8>(), some(), some())
            .prop_map(|(command, family, rest, after)| [built(command, family, &rest), after].concat());
        let cut =
            (prop_oneof![Just(SIGNATURE), Just(LINE_BEGIN)], some()).prop_map(|(begin, rest)| [begin, &rest].concat());
        prop_oneof![some(), line, block, cut]
    }

    proptest! {
        /// Whatever the bytes are and however they arrive: parts stay parts until the header is whole or wrong, and then
        /// more bytes change nothing.
        #[test]
        fn a_verdict_does_not_depend_on_how_bytes_arrive(bytes in some_bytes()) {
            let mut decided = None;
            for end in 0..=bytes.len() {
                let now = header(&bytes[..end]);
                match decided {
                    Some(before) => prop_assert_eq!(now, before),
                    None => match now {
                        Ok(Header::Part) => {}
                        Ok(Header::Whole { length, .. }) => {
                            prop_assert_eq!(length, end);
                            decided = Some(now);
                        }
                        Err(_) => decided = Some(now),
                    },
                }
            }
        }
    }
}
