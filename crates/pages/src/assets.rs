//! Style sheets, scripts and pictures, compiled in.
//!
//! Each is served under its own name, and under one that has a digest of its bytes, which may be cached for ever. A script
//! that imports another one by `"./name.js"` gets the name with the digest.

use crate::error::PagesError;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

/// The path under which assets are served.
const PATH: &str = "/assets/";
/// Bytes of the digest in a name: 2^40 names, for files that we wrote.
const DIGEST_BYTES: usize = 5;
/// A body below this is not worth compressing: it fits one packet.
const COMPRESS_BYTES_MIN: usize = 1_000;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// One file.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its media type.
    pub content_type: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
    /// The file compressed by gzip, where that makes it smaller.
    pub gzip: Option<Vec<u8>>,
    /// The digest of its bytes, in hex.
    pub digest: String,
    url: String,
}

/// All files.
#[derive(Debug)]
pub struct Assets {
    by_name: BTreeMap<String, Asset>,
    by_hashed_name: BTreeMap<String, String>,
}

impl Assets {
    /// Reads and compresses all files.
    pub(crate) fn read() -> Result<Self, PagesError> {
        let mut found = Self { by_name: BTreeMap::new(), by_hashed_name: BTreeMap::new() };
        for name in Files::iter() {
            found.add(&name, &[])?;
        }
        Ok(found)
    }

    /// The URL of a file, with its digest.
    #[must_use]
    pub fn url(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(|asset| asset.url.as_str())
    }

    /// A file by the name in its URL, and whether that name has its digest.
    #[must_use]
    pub fn find(&self, requested: &str) -> Option<(&Asset, bool)> {
        match self.by_hashed_name.get(requested) {
            Some(name) => self.by_name.get(name).map(|asset| (asset, true)),
            None => self.by_name.get(requested).map(|asset| (asset, false)),
        }
    }

    /// The names of all files, without digests.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Adds a file after those that it imports.
    fn add(&mut self, name: &str, importers: &[&str]) -> Result<(), PagesError> {
        if importers.contains(&name) {
            return Err(PagesError::Circle { name: name.to_owned() });
        }
        if self.by_name.contains_key(name) {
            return Ok(());
        }
        let mut bytes = Files::get(name).map(|file| file.data.into_owned()).unwrap_or_default();
        if name.ends_with(".js") {
            let text = String::from_utf8(bytes).map_err(|_| PagesError::Encoding { name: name.to_owned() })?;
            let path: Vec<&str> = importers.iter().copied().chain([name]).collect();
            bytes = self.with_hashed_imports(text, &path)?.into_bytes();
        }
        let digest = hex(&Sha256::digest(&bytes), DIGEST_BYTES);
        let hashed = match name.rsplit_once('.') {
            Some((stem, ending)) => format!("{stem}.{digest}.{ending}"),
            None => format!("{name}.{digest}"),
        };
        let gzip = gzip(&bytes).map_err(|source| PagesError::Compress { name: name.to_owned(), source })?;
        let url = format!("{PATH}{hashed}");
        self.by_hashed_name.insert(hashed, name.to_owned());
        self.by_name.insert(name.to_owned(), Asset { content_type: content_type(name), bytes, gzip, digest, url });
        Ok(())
    }

    /// A script whose imports have digests in their names.
    fn with_hashed_imports(&mut self, mut text: String, path: &[&str]) -> Result<String, PagesError> {
        for other in Files::iter().filter(|other| other.ends_with(".js")) {
            let import = format!("\"./{other}\"");
            if !text.contains(&import) {
                continue;
            }
            self.add(&other, path)?;
            let hashed = self.url(&other).and_then(|url| url.strip_prefix(PATH)).unwrap_or(&other);
            text = text.replace(&import, &format!("\"./{hashed}\""));
        }
        Ok(text)
    }
}

fn hex(bytes: &[u8], count: usize) -> String {
    bytes.iter().take(count).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes compressed by gzip; `None` where that saves nothing.
pub(crate) fn gzip(bytes: &[u8]) -> std::io::Result<Option<Vec<u8>>> {
    if bytes.len() < COMPRESS_BYTES_MIN {
        return Ok(None);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(Some(encoder.finish()?).filter(|packed| packed.len() < bytes.len()))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "json" => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}
