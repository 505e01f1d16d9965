//! Style sheets, scripts and pictures, compiled in.
//!
//! Each is served under its own name, and under one that has a digest of its bytes, which may be cached for ever. A script
//! that imports another one by `"./name.js"` gets the name with the digest.

use crate::error::PagesError;
use crate::packed::Packed;
use rust_embed::RustEmbed;
use std::collections::BTreeMap;

/// The path under which assets are served.
const PATH: &str = "/assets/";

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// One file.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes.
    pub packed: Packed,
    url: String,
}

/// All files.
#[derive(Debug)]
pub struct Assets {
    by_name: BTreeMap<String, Asset>,
    by_hashed_name: BTreeMap<String, String>,
}

impl Assets {
    /// Reads all files.
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
        let packed = Packed::smallest(bytes);
        let hashed = match name.rsplit_once('.') {
            Some((stem, ending)) => format!("{stem}.{}.{ending}", packed.digest),
            None => format!("{name}.{}", packed.digest),
        };
        let url = format!("{PATH}{hashed}");
        self.by_hashed_name.insert(hashed, name.to_owned());
        self.by_name.insert(name.to_owned(), Asset { content_type: content_type(name), packed, url });
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
