//! Binary events of AWS (`application/vnd.amazon.eventstream`): finds their ends, headers and payloads.
//!
//! A frame is a prelude of twelve bytes (total length, length of the headers, checksum), the headers, the payload and a
//! checksum. The checksums are not verified: TLS protects the bytes already.

use crate::error::EventTooLarge;

/// The prelude and the checksum at the end.
const FRAME_BYTES_MIN: usize = 16;
/// The bytes of the prelude.
const PRELUDE_BYTES: usize = 12;
/// The largest frame that a provider sends.
const FRAME_BYTES_MAX: usize = 16 << 20;

/// One event.
pub struct Frame<'a> {
    headers: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

impl Frame<'_> {
    /// Whether the event reports an error.
    pub fn is_exception(&self) -> bool {
        [&b":exception-type"[..], b":error-code"]
            .into_iter()
            .any(|name| memchr::memmem::find(self.headers, name).is_some())
    }
}

/// Whether `bytes` begin a binary event. The first byte of its length is zero, and no text begins with a zero byte.
pub fn are_in(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0)
}

/// Calls `visit` with each complete event. Returns how many bytes they take.
///
/// # Errors
/// When an event exceeds the size limit, or its lengths contradict each other.
pub fn each(bytes: &[u8], mut visit: impl FnMut(&Frame<'_>)) -> Result<usize, EventTooLarge> {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let (Some(all), Some(headers)) = (length(rest), rest.get(4..).and_then(length)) else {
            return Ok(at);
        };
        let fits = all >= FRAME_BYTES_MIN && headers <= all - FRAME_BYTES_MIN && all <= FRAME_BYTES_MAX;
        if !fits {
            return Err(EventTooLarge { limit_bytes: FRAME_BYTES_MAX });
        }
        let Some(frame) = rest.get(..all) else {
            return Ok(at);
        };
        let inside = frame.get(PRELUDE_BYTES..all - 4).unwrap_or_default();
        let (headers, payload) = inside.split_at(headers);
        visit(&Frame { headers, payload });
        at += all;
    }
}

/// The number in the first four bytes.
fn length(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(*bytes.first_chunk()?)).ok()
}
