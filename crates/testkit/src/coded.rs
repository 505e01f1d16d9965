//! Compressed bodies.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// Bytes as gzip (RFC 1952).
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}
