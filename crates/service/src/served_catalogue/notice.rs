//! Notices to the operator about a valid config that may not be the intended one.

use super::{ConfiguredVendor, ServedCatalogue};
use crate::config::Config;
use http::Uri;
use http::uri::Scheme;
use opencredits_providers::Auth;
use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;

/// Suffixes of host names in private networks.
const LOCAL_ENDS: [&str; 3] = [".local", ".internal", ".localhost"];

/// A notice to the operator. Its text names the cause and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// An operator's own vendor, or a vendor with a key, is not on sale.
    NotOffered {
        /// The vendor.
        vendor: String,
        /// The variables that it needs and that are not set; none where it names no variable for its key, or one
        /// without a key in it.
        /// without a key in it.
        missing: Vec<String>,
    },
    /// A key is sent over a public network without encryption.
    InClear {
        /// The vendor.
        vendor: String,
        /// The URL of the vendor.
        host: String,
    },
    /// No model is on sale.
    NothingOffered,
    /// A pattern of `[offer]` or `[[markup]]` stands for no model.
    NoModelFits {
        /// The pattern.
        pattern: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered { vendor, missing } if missing.is_empty() => {
                write!(f, "vendor {vendor} is not offered: no key is known; put it into the variable that key_env names")
            }
            Self::NotOffered { vendor, missing } => {
                let are = if missing.len() == 1 { "is" } else { "are" };
                write!(f, "vendor {vendor} is not offered: {} {are} not set", missing.join(" and "))
            }
            Self::InClear { vendor, host } => {
                write!(f, "the key of vendor {vendor} goes to {host} in clear, over plain http; give it an https address")
            }
            Self::NoModelFits { pattern } => {
                write!(f, "the pattern {pattern:?} of [offer] or [[markup]] stands for no model; GET /v1/models lists their ids")
            }
            Self::NothingOffered => f.write_str(
                "no model is offered; put a vendor's key into its variable (`opencredits-admin config check` lists them), \
                 or set [catalog] sandbox = true",
            ),
        }
    }
}

impl ServedCatalogue {
    /// The notices about it. Compiled-in vendors without a key are left out on purpose.
    #[must_use]
    pub fn notices(&self, config: &Config) -> Vec<Notice> {
        let own: HashSet<&str> = config.vendor.iter().filter_map(|vendor| vendor.get("id")?.as_str()).collect();
        let mut notices = Vec::new();
        for vendor in &self.vendors {
            let id = &*vendor.vendor.id;
            if !vendor.offered && (own.contains(id) || !vendor.keys.is_empty()) {
                notices.push(Notice::NotOffered { vendor: id.to_owned(), missing: vendor.missing.clone() });
            }
            notices.extend(vendor.in_clear().map(|host| Notice::InClear { vendor: id.to_owned(), host }));
        }
        // What a vendor lists may not be known yet.
        let is_listed = |pattern: &str| {
            let mut vendors = config.discover.iter().map(|terms| terms.vendor.as_str());
            vendors.any(|vendor| pattern.strip_prefix(vendor).is_some_and(|rest| rest.starts_with('/')))
        };
        let unmatched = self.terms.unmatched(self.catalog.models()).filter(|pattern| !is_listed(pattern));
        notices.extend(unmatched.map(|pattern| Notice::NoModelFits { pattern: pattern.to_owned() }));
        if !self.has_models(config) {
            notices.push(Notice::NothingOffered);
        }
        notices
    }

    /// Whether a model is on sale, or may be once its vendor has listed it.
    fn has_models(&self, config: &Config) -> bool {
        self.catalog.models().iter().any(|model| self.sells(model))
            || config.discover.iter().any(|terms| self.has_vendor(&terms.vendor))
    }
}

impl ConfiguredVendor {
    /// The host to which a key is sent over plain HTTP, where it is not in a private network.
    fn in_clear(&self) -> Option<String> {
        let sent = self.vendor.dialects().filter(|dialect| *self.vendor.auth_in(*dialect) != Auth::None);
        let mut sent = sent.filter(|_| self.offered && !self.keys.is_empty());
        sent.find_map(|dialect| {
            let url: Uri = self.vendor.url(dialect, "any", false).parse().ok()?;
            let host = url.host().filter(|host| url.scheme() == Some(&Scheme::HTTP) && !is_local(host))?;
            Some(host.to_owned())
        })
    }
}

/// Whether a host is this machine or in a private network, as far as its name tells.
fn is_local(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            !name.contains('.') || LOCAL_ENDS.iter().any(|end| name.ends_with(end))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "[[vendor]]\nid = \"house\"\ndialect = \"openai-chat\"\n";

    fn check(toml: &str, variables: &[(&str, &str)], expect: &[&str]) {
        let config = Config::read(toml, []).unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let offer = ServedCatalogue::read(&config, &variables.collect::<Vec<_>>()).unwrap();
        let found: Vec<String> = offer.notices(&config).iter().map(ToString::to_string).collect();
        let fits = found.len() == expect.len() && found.iter().zip(expect).all(|(text, part)| text.starts_with(part));
        assert!(fits, "{toml}: {found:#?}");
    }

    #[test]
    fn a_vendor_of_the_operators_own_that_is_not_offered_is_told_and_a_compiled_in_one_is_not() {
        const OTHER: (&str, &str) = ("OPENAI_API_KEY", "k");
        let own = format!("{OWN}base_url = \"https://{{HOUSE_NAME}}.example\"\nkey_env = \"HOUSE_API_KEY\"");
        let both = "vendor house is not offered: HOUSE_API_KEY and HOUSE_NAME are not set";
        check(&own, &[OTHER], &[both]);
        check(&own, &[OTHER, ("HOUSE_API_KEY", "k")], &["vendor house is not offered: HOUSE_NAME is not set"]);
        check(&own, &[OTHER, ("HOUSE_API_KEY", "k"), ("HOUSE_NAME", "a")], &[]);
        let no_key = format!("{OWN}base_url = \"https://a.example\"");
        check(
            &no_key,
            &[OTHER],
            &["vendor house is not offered: no key is known; put it into the variable that key_env"],
        );
        check("", &[OTHER], &[]);
        let half = "vendor azure-openai is not offered: AZURE_OPENAI_RESOURCE is not set";
        check("", &[OTHER, ("AZURE_OPENAI_API_KEY", "k")], &[half]);
    }

    #[test]
    fn an_offer_without_a_model_is_told_with_its_remedy() {
        check("", &[], &["no model is offered; put a vendor's key"]);
        check("[catalog]\nsandbox = true", &[], &[]);
        let listed = "[[discover]]\nvendor = \"ollama\"\ncontext_window = 9\nmax_output_tokens = 9\n\
                      prices = { input = \"1\", output = \"1\" }";
        check(listed, &[], &[]);
    }

    #[test]
    fn a_pattern_that_stands_for_no_model_is_told_unless_its_vendor_lists_its_models_later() {
        let offer = |lists: &str| format!("[catalog]\nsandbox = true\n[offer]\n{lists}");
        check(&offer("allow = [\"sandbox/*\"]\ndeny = [\"openai/gpt-3*\"]"), &[], &[]);
        let typo = "the pattern \"sandbx/*\"";
        check(&offer("allow = [\"sandbox/*\", \"sandbx/*\"]"), &[], &[typo]);
        check(&offer("deny = [\"sandbx/*\"]"), &[], &[typo]);
        check(&offer("allow = [\"sandbx/*\"]"), &[], &[typo, "no model is offered"]);
        check(&offer("[[markup]]\nmodels = [\"sandbx/*\"]\nbps = 1"), &[], &[typo]);
        let listed = "deny = [\"ollama/big*\"]\n[[discover]]\nvendor = \"ollama\"\ncontext_window = 9\n\
                      max_output_tokens = 9\nprices = { input = \"1\", output = \"1\" }";
        check(&offer(listed), &[], &[]);
    }

    #[test]
    fn a_key_that_goes_out_in_clear_is_told() {
        let at = |url: &str, auth: &str, noticed: bool| {
            let toml =
                format!("{OWN}base_url = \"{url}\"\nauth = \"{auth}\"\nkey_env = \"K\"\n[catalog]\nsandbox = true");
            let expect = ["the key of vendor house goes to "];
            check(&toml, &[("K", "k")], if noticed { &expect } else { &[] });
        };
        for local in [
            "localhost:1",
            "127.0.0.1",
            "[::1]:80",
            "10.1.2.3",
            "192.168.0.9:8",
            "[fd00::1]",
            "models",
            "a.local",
            "b.INTERNAL",
        ] {
            at(&format!("http://{local}/v1"), "bearer", false);
        }
        for far in ["models.example", "8.8.8.8:8080", "[2001:db8::1]", "notlocal.example"] {
            at(&format!("http://{far}/v1"), "x-api-key", true);
            at(&format!("http://{far}/v1"), "none", false);
            at(&format!("https://{far}/v1"), "bearer", false);
        }
        let also = "base_url = \"https://a.example\"\nkey_env = \"K\"\n[vendor.also.anthropic-messages]\nbase_url = \"http://b.example\"";
        let expect = "the key of vendor house goes to b.example in clear, over plain http; give it an https";
        check(&format!("{OWN}{also}"), &[("K", "k")], &[expect, "no model is offered"]);
    }
}
