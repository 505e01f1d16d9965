//! Which pages may show the checkout in a frame. It hands out a key of the person, so that a page of the web must be listed.

use super::{Accounts, AccountsError};
use opencredits_store::{Partner, PublishableKeyRecord, Standing};

/// The most origins of all keys together.
const ORIGINS_MAX: usize = 500;
/// The longest origin that is looked at, in bytes.
const ORIGIN_BYTES_MAX: usize = 300;
/// The hosts of the person's own machine that a browser can match.
const LOCAL_HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];
/// The schemes under which desktop editors show the panels of their extensions, and themselves. No website has them.
const DESKTOP_SCHEMES: [&str; 2] = ["vscode-webview", "vscode-file"];

/// The pages that may show the checkout in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedders {
    /// Origins that keys list.
    pub listed: Vec<String>,
    /// Whether pages and desktop apps on the person's own machine may: this is so for keys that list no origin.
    pub local: bool,
}

/// Whether a page may show the checkout of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Embedding {
    /// The key names no partner in good standing.
    UnknownKey,
    /// The key names this partner, and it is not for pages of that origin.
    OtherPage(Partner),
    /// It may.
    Allowed(Partner),
}

impl Embedders {
    const NOBODY: Self = Self { listed: Vec::new(), local: false };

    fn of(key: PublishableKeyRecord) -> Self {
        Self { local: key.origins.is_empty(), listed: key.origins }
    }

    /// The sources of a `frame-ancestors` directive (Content Security Policy Level 3, section 2.3.1), without `'self'`.
    #[must_use]
    pub fn sources(&self) -> Vec<String> {
        let mut sources = self.listed.clone();
        if self.local {
            sources
                .extend(LOCAL_HOSTS.iter().flat_map(|host| [format!("http://{host}:*"), format!("https://{host}:*")]));
            sources.extend(DESKTOP_SCHEMES.iter().map(|scheme| format!("{scheme}:")));
        }
        sources
    }

    /// Whether a page of this origin is one of them. What a browser calls `null` is nobody's.
    #[must_use]
    pub fn has(&self, origin: &str) -> bool {
        if origin.len() > ORIGIN_BYTES_MAX {
            return false;
        }
        self.listed.iter().any(|listed| listed == origin) || (self.local && is_local(origin))
    }
}

fn is_local(origin: &str) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else { return false };
    if DESKTOP_SCHEMES.contains(&scheme) {
        return !rest.is_empty();
    }
    let (host, port) = rest.split_once(':').unwrap_or((rest, "0"));
    matches!(scheme, "http" | "https") && LOCAL_HOSTS.contains(&host) && port.parse::<u16>().is_ok()
}

impl Accounts {
    /// The pages that may show the checkout of a publishable key; without a key, those of all keys. Nobody may show that of an
    /// unknown key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn embedders(&self, key: Option<&str>) -> Result<Embedders, AccountsError> {
        let Some(key) = key else {
            let listed = self.tables.publishable.publishable_origins(ORIGINS_MAX).await?;
            return Ok(Embedders { listed, local: true });
        };
        Ok(self.in_force(key).await?.map_or(Embedders::NOBODY, |(_, key)| Embedders::of(key)))
    }

    /// Whether a page of this origin may show the checkout of a publishable key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn embedding(&self, key: &str, origin: &str) -> Result<Embedding, AccountsError> {
        Ok(match self.in_force(key).await? {
            None => Embedding::UnknownKey,
            Some((partner, key)) if Embedders::of(key.clone()).has(origin) => Embedding::Allowed(partner),
            Some((partner, _)) => Embedding::OtherPage(partner),
        })
    }

    /// A key that is not revoked, with its partner, who is not suspended.
    async fn in_force(&self, key: &str) -> Result<Option<(Partner, PublishableKeyRecord)>, AccountsError> {
        let Some(key) = self.tables.publishable.publishable_key(key).await? else { return Ok(None) };
        let partner = self.tables.partners.partner(key.partner).await?;
        let partner = partner.filter(|partner| partner.standing == Standing::Good && key.revoked_at.is_none());
        Ok(partner.map(|partner| (partner, key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedders(listed: &[&str]) -> Embedders {
        Embedders { listed: listed.iter().map(|&one| one.to_owned()).collect(), local: listed.is_empty() }
    }

    #[test]
    fn a_page_of_the_web_must_be_listed_and_one_of_the_own_machine_only_where_nothing_is() {
        let check = |listed: &[&str], origin: &str, expect: bool| {
            assert_eq!(embedders(listed).has(origin), expect, "{listed:?} {origin}");
        };
        let listed = ["https://a.example"];
        check(&listed, "https://a.example", true);
        check(&listed, "http://a.example", false);
        check(&listed, "https://a.example.evil.example", false);
        check(&listed, "http://localhost:3000", false);
        check(&listed, "null", false);
        check(&[], "https://a.example", false);
        check(&[], "null", false);
        check(&[], "", false);
        check(&[], "http://localhost:3000", true);
        check(&[], "http://localhost", true);
        check(&[], "https://127.0.0.1:8443", true);
        check(&[], "http://localhost.evil.example", false);
        check(&[], "http://localhost:80.evil.example", false);
        check(&[], "http://localhost@evil.example", false);
        check(&[], "vscode-webview://0fd5c3", true);
        check(&[], "vscode-webview://", false);
        check(&[], "file://", false);
        check(&[], "chrome-extension://abc", false);
    }

    #[test]
    fn the_directive_names_the_same_pages() {
        assert_eq!(embedders(&["https://a.example"]).sources(), ["https://a.example"]);
        let local = embedders(&[]).sources();
        assert!(local.contains(&"http://127.0.0.1:*".to_owned()) && local.contains(&"vscode-webview:".to_owned()));
        assert!(!local.iter().any(|source| source == "*" || source == "https:"), "{local:?}");
        assert!(Embedders::NOBODY.sources().is_empty());
    }
}
