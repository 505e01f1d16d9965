//! `[admin]`: the listener with metrics and health, for the operator's own machines.

use super::secret::SecretText;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// The listening address by default.
const LISTEN: &str = "127.0.0.1:8788";
/// The name of the systemd credential with the token.
const CREDENTIAL: &str = "opencredits-admin-token";
/// The folder of credentials, which systemd sets for a service.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";
/// A name of this machine alone.
const LOCALHOST: &str = "localhost";
/// The shortest token, in bytes.
const TOKEN_BYTES_MIN: usize = 16;

/// `[admin]`: the listener with metrics.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminSection {
    /// Address and port of `GET /metrics`; nothing for no listener and no metrics. Default 127.0.0.1:8788.
    pub listen: String,
    /// The bearer token that a scrape must carry, needed where `listen` is not on loopback.
    pub token: Option<SecretText>,
    /// A file with the token. Without either setting, the systemd credential `opencredits-admin-token` holds.
    pub token_file: Option<String>,
}

impl Default for AdminSection {
    fn default() -> Self {
        Self { listen: LISTEN.to_owned(), token: None, token_file: None }
    }
}

impl AdminSection {
    /// Whether there is a listener.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        !self.listen.is_empty()
    }

    /// Whether `listen` is as it is by default.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.listen == LISTEN
    }

    /// Whether programs of this machine alone can connect. A host name other than `localhost` may be any address.
    #[must_use]
    pub fn is_on_loopback(&self) -> bool {
        let host = self.listen.rsplit_once(':').map_or("", |(host, _)| host);
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.map_or_else(|_| host.eq_ignore_ascii_case(LOCALHOST), |address| address.to_canonical().is_loopback())
    }

    /// The first problem of this section, and its remedy.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        let is_named =
            |(host, port): (&str, &str)| !host.is_empty() && !host.contains(':') && port.parse::<u16>().is_ok();
        let is_address =
            self.listen.parse::<SocketAddr>().is_ok() || self.listen.rsplit_once(':').is_some_and(is_named);
        if self.is_on() && !is_address {
            return Some((
                "admin.listen",
                "is no address with a port; set it to \"127.0.0.1:8788\", say, or to \"\" for no metrics",
            ));
        }
        if self.token.is_some() && self.token_file.is_some() {
            return Some(("admin.token_file", "is set besides admin.token; remove one of them"));
        }
        None
    }
}

/// There is no token for the admin listener, or it cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminTokenError {
    /// The file cannot be read.
    #[error("cannot read the token of the admin listener in {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The token is too short.
    #[error("the token of the admin listener has fewer than 16 characters; make one with: openssl rand -hex 32")]
    Short,
    /// Other machines can connect, and need no token.
    #[error(
        "admin.listen is {listen}, where other machines can connect, and neither admin.token nor admin.token_file is set; set one of them, or listen on 127.0.0.1"
    )]
    Missing {
        /// The listening address.
        listen: String,
    },
}

/// The token that the settings name; else that of the systemd credential; else none, where programs of this machine
/// alone can connect.
///
/// # Errors
/// When a file cannot be read, when the token is short, or when there is none and other machines can connect.
pub fn admin_token(
    settings: &AdminSection,
    variables: &[(String, String)],
) -> Result<Option<SecretText>, AdminTokenError> {
    let folder = variables.iter().find(|(name, _)| name == CREDENTIALS_VARIABLE).map(|(_, folder)| Path::new(folder));
    let credential = || folder.map(|folder| folder.join(CREDENTIAL)).filter(|path| path.is_file());
    let file = settings.token_file.as_ref().map(PathBuf::from).or_else(credential);
    let token = match (&settings.token, file) {
        (Some(token), _) => Some(token.clone()),
        (None, Some(path)) => {
            let text = std::fs::read_to_string(&path)
                .and_then(|text| SecretText::try_from(text).map_err(std::io::Error::other))
                .map_err(|source| AdminTokenError::File { path, source })?;
            Some(text)
        }
        (None, None) => None,
    };
    match token {
        Some(token) if token.reveal().len() < TOKEN_BYTES_MIN => Err(AdminTokenError::Short),
        None if settings.is_on() && !settings.is_on_loopback() => {
            Err(AdminTokenError::Missing { listen: settings.listen.clone() })
        }
        token => Ok(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(listen: &str) -> AdminSection {
        AdminSection { listen: listen.to_owned(), ..AdminSection::default() }
    }

    #[test]
    fn loopback_is_told_from_addresses_that_others_reach() {
        let check = |listen: &str, expect: bool| assert_eq!(section(listen).is_on_loopback(), expect, "{listen}");
        check("127.0.0.1:8788", true);
        check("127.9.9.9:1", true);
        check("[::1]:8788", true);
        check("[::ffff:127.0.0.1]:8788", true);
        check("localhost:8788", true);
        check("0.0.0.0:8788", false);
        check("[::]:8788", false);
        check("10.0.0.1:8788", false);
        check("metrics.example:8788", false);
    }

    #[test]
    fn an_address_is_checked_and_an_empty_one_is_no_listener() {
        let check = |listen: &str, expect: bool| assert_eq!(section(listen).problem().is_none(), expect, "{listen}");
        check("", true);
        check("localhost:1", true);
        check(":8788", false);
        check("127.0.0.1", false);
        check("127.0.0.1:99999", false);
    }

    #[test]
    fn a_listener_that_others_reach_needs_a_token_from_the_setting_a_file_or_a_credential() {
        let folder = tempfile::tempdir().unwrap();
        let text = "a token of sufficient length";
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("token", &format!("{text}\n"));
        write("short", "short\n");
        write(CREDENTIAL, &format!("{text} from systemd"));
        let credentials = [(CREDENTIALS_VARIABLE.to_owned(), folder.path().display().to_string())];
        let check = |listen, token: Option<&str>, file: Option<&str>, variables: &[_], expect: Result<_, &str>| {
            let token = token.map(|token| SecretText::try_from(token.to_owned()).unwrap());
            let token_file = file.map(|name| folder.path().join(name).display().to_string());
            let found = admin_token(&AdminSection { token, token_file, ..section(listen) }, variables);
            match (found, expect) {
                (Ok(found), Ok(expect)) => assert_eq!(found.as_ref().map(SecretText::reveal), expect),
                (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
                (found, _) => panic!("{found:?}"),
            }
        };
        check("127.0.0.1:1", None, None, &[], Ok(None));
        check("", None, None, &[], Ok(None));
        check("0.0.0.0:1", None, None, &[], Err("admin.listen is 0.0.0.0:1"));
        check("0.0.0.0:1", Some(text), None, &[], Ok(Some(text)));
        check("0.0.0.0:1", None, Some("token"), &[], Ok(Some(text)));
        check("0.0.0.0:1", None, None, &credentials, Ok(Some("a token of sufficient length from systemd")));
        check("127.0.0.1:1", Some("short"), None, &[], Err("fewer than 16"));
        check("127.0.0.1:1", None, Some("short"), &[], Err("fewer than 16"));
        check("127.0.0.1:1", None, Some("absent"), &[], Err("cannot read"));
    }
}
