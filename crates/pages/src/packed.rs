//! A body as it is sent: plain or compressed, with the digest by which a browser knows it.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, OnceLock};

/// A body below this is not worth compressing: it fits one packet.
const COMPRESS_BYTES_MIN: usize = 1_000;
/// Bytes of the digest: 2^64, for bodies that we wrote.
const DIGEST_BYTES: usize = 8;

/// A body. A clone shares its bytes.
#[derive(Debug, Clone)]
pub struct Packed {
    /// The body.
    pub plain: Bytes,
    /// A part of its SHA-256, in hex.
    pub digest: String,
    effort: Compression,
    gzip: Arc<OnceLock<Option<Bytes>>>,
}

impl Packed {
    /// A body that is made for one request.
    #[must_use]
    pub fn quickly(plain: Vec<u8>) -> Self {
        Self::new(plain, Compression::fast())
    }

    /// A body that is made once.
    #[must_use]
    pub(crate) fn smallest(plain: Vec<u8>) -> Self {
        Self::new(plain, Compression::best())
    }

    fn new(plain: Vec<u8>, effort: Compression) -> Self {
        let digest = hex(&Sha256::digest(&plain));
        Self { plain: plain.into(), digest, effort, gzip: Arc::default() }
    }

    /// The body compressed by gzip, where that makes it smaller. It is compressed when it is first asked for: a start does not
    /// wait for it, and who takes no gzip does not pay for it.
    pub fn gzip(&self) -> Option<&Bytes> {
        self.gzip.get_or_init(|| compressed(&self.plain, self.effort).map(Bytes::from)).as_ref()
    }
}

/// The bytes compressed; `None` where that saves nothing.
fn compressed(bytes: &[u8], effort: Compression) -> Option<Vec<u8>> {
    if bytes.len() < COMPRESS_BYTES_MIN {
        return None;
    }
    // Writing to memory cannot fail, and a body may go uncompressed.
    let mut encoder = GzEncoder::new(Vec::new(), effort);
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().filter(|packed| packed.len() < bytes.len())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(DIGEST_BYTES).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}
