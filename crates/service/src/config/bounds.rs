//! The bounds of each setting. A value beyond them would end the process, or have another effect than intended.

use super::email::MailTransport;
use super::error::ConfigError;
use super::sections::Config;
use crate::price_source::PriceSource;
use opencredits_units::{BasisPoints, NanoUsd};
use std::net::SocketAddr;

/// hyper's buffer for heads is not smaller.
const HEADER_BYTES_MIN: usize = 8_192;
/// More connections than any machine has sockets; a semaphore panics above 2^61.
const PLACES_MAX: usize = 1_000_000;
/// The longest time until commission matures, in days.
const MATURES_DAYS_MAX: u64 = 3_650;
/// The longest time for which records are kept, in days; longer is for ever.
const KEPT_DAYS_MAX: u32 = 36_500;
/// The least for unpaid orders, in days: the payment processor tells of them for so long.
const UNPAID_DAYS_MIN: u32 = 30;
/// The longest wait for a provider's bill, in days.
const LAG_DAYS_MAX: u64 = 31;
/// The most play credits.
const PLAY_CREDITS_MAX: u32 = 1_000_000;
/// The levels of a log filter.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Whether the bound holds, the setting, the problem and its remedy.
type Bound = (bool, &'static str, &'static str);

pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let bounds = server(config)
        .into_iter()
        .chain(upstream(config))
        .chain(retention(config))
        .chain(reconcile(config))
        .chain(connections(config))
        .chain(others(config))
        .chain(config.traces.bounds())
        .chain(config.database.bounds());
    let broken = bounds.into_iter().find(|(holds, ..)| !holds).map(|(_, field, problem)| (field, problem));
    let has_url = config.server.public_url.is_some();
    let can_mail = config.email.transport != MailTransport::None;
    let of_mails = || {
        let of_alarms = || config.alarms.problem(can_mail);
        let of_people = || config.identity.problem(can_mail).or_else(|| config.privacy.problem());
        config.email.problem(has_url).or_else(of_alarms).or_else(of_people)
    };
    match broken.or_else(|| config.admin.problem()).or_else(of_mails).or_else(|| config.site.problem()) {
        Some((field, problem)) => Err(ConfigError::Invalid { field, problem }),
        None => config.payments.check(),
    }
}

fn server(config: &Config) -> [Bound; 14] {
    let server = &config.server;
    let places = (1..=PLACES_MAX).contains(&server.connections_max);
    let head = server.header_bytes_max >= HEADER_BYTES_MIN;
    [
        (is_address(&server.listen), "server.listen", "is no address with a port; set it to \"127.0.0.1:8787\", say"),
        (
            server.public_url.as_deref().is_none_or(is_site),
            "server.public_url",
            "is no address of a service; write it as \"https://credits.example\", with the scheme and without a path",
        ),
        (server.body_bytes_max > 0, "server.body_bytes_max", "is 0; set how many bytes a request may have"),
        (head, "server.header_bytes_max", "is below 8192, the least that a head needs; raise it"),
        (server.header_read_ms > 0, "server.header_read_ms", "is 0; set it to some seconds, such as 10000"),
        (server.body_read_ms > 0, "server.body_read_ms", "is 0; set it to some seconds, such as 60000"),
        (server.write_ms > 0, "server.write_ms", "is 0; set it to some seconds, such as 60000"),
        (places, "server.connections_max", "is not between 1 and 1000000; set how many may connect"),
        (
            server.connections_per_address_max > 0,
            "server.connections_per_address_max",
            "is 0; set how many may connect from one address",
        ),
        (server.keep_alive_ms > 0, "server.keep_alive_ms", "is 0; set it to some seconds, such as 10000"),
        (
            server.tls_key_file.is_none() || server.tls_certificate_file.is_some(),
            "server.tls_certificate_file",
            "is not set beside server.tls_key_file; set both for TLS, or neither",
        ),
        (
            server.tls_certificate_file.is_none() || server.tls_key_file.is_some(),
            "server.tls_key_file",
            "is not set beside server.tls_certificate_file; set both for TLS, or neither",
        ),
        (server.tls_check_ms > 0, "server.tls_check_ms", "is 0; set it to some seconds, such as 30000"),
        (
            server.cors_origins.iter().all(|origin| is_origin(origin)),
            "server.cors_origins",
            "has something that is no origin; name each as \"https://app.example\", without a path, or \"*\" for all",
        ),
    ]
}

/// Whether a text is where a service may be: its pages name each other by paths from the top.
fn is_site(text: &str) -> bool {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    is_web && is_origin(text.trim_end_matches('/'))
}

/// Whether a text is an origin, as browsers send it, or stands for all.
fn is_origin(text: &str) -> bool {
    let host = text.split_once("://").map(|(_, host)| host);
    let is_host = |host: &str| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    text == "*" || host.is_some_and(is_host)
}

fn upstream(config: &Config) -> [Bound; 9] {
    let upstream = &config.upstream;
    let drains = (1..=PLACES_MAX).contains(&upstream.drains_max);
    const NO_BYTES: &str = "is 0; set how many bytes it may be";
    const NO_TIME: &str = "is 0; set how long it may take";
    [
        (upstream.connect_ms > 0, "upstream.connect_ms", NO_TIME),
        (upstream.first_byte_ms > 0, "upstream.first_byte_ms", NO_TIME),
        (upstream.idle_ms > 0, "upstream.idle_ms", NO_TIME),
        (upstream.total_ms > 0, "upstream.total_ms", NO_TIME),
        (upstream.body_bytes_max > 0, "upstream.body_bytes_max", NO_BYTES),
        (upstream.attachment_bytes_max > 0, "upstream.attachment_bytes_max", NO_BYTES),
        (drains, "upstream.drains_max", "is not between 1 and 1000000; to read nothing on, set drain_ms = 0"),
        (upstream.attempts_max > 0, "upstream.attempts_max", "is 0; 1 asks one provider once"),
        (
            config.ledger.hold_expiry_ms > upstream.total_ms,
            "ledger.hold_expiry_ms",
            "is not above upstream.total_ms; a hold must outlive the request it covers",
        ),
    ]
}

fn retention(config: &Config) -> [Bound; 5] {
    const TOO_LONG: &str = "exceeds 36500, a hundred years; 0 is for ever";
    let kept = &config.retention;
    let unpaid = kept.unpaid_order_days == 0 || (UNPAID_DAYS_MIN..=KEPT_DAYS_MAX).contains(&kept.unpaid_order_days);
    [
        (kept.audit_days <= KEPT_DAYS_MAX, "retention.audit_days", TOO_LONG),
        (kept.mail_days <= KEPT_DAYS_MAX, "retention.mail_days", TOO_LONG),
        (unpaid, "retention.unpaid_order_days", "is not between 30 and 36500; 0 is for ever"),
        (kept.application_days <= KEPT_DAYS_MAX, "retention.application_days", TOO_LONG),
        (kept.request_index_days <= KEPT_DAYS_MAX, "retention.request_index_days", TOO_LONG),
    ]
}

fn reconcile(config: &Config) -> [Bound; 3] {
    let reconcile = &config.reconcile;
    [
        (
            reconcile.tolerance_bps <= BasisPoints::WHOLE,
            "reconcile.tolerance_bps",
            "exceeds 10000, the whole; set the share that may differ, such as 100",
        ),
        (
            reconcile.minimum_usd >= NanoUsd::ZERO,
            "reconcile.minimum_usd",
            "is below zero; set the amount that may differ, such as \"0.01\"",
        ),
        (reconcile.lag_days <= LAG_DAYS_MAX, "reconcile.lag_days", "exceeds 31; set how late bills are, in days"),
    ]
}

fn connections(config: &Config) -> [Bound; 3] {
    let caps = &config.connections;
    const NOTHING: &str = "is not above zero; an app that may spend nothing is no use";
    let default = caps.default_cap_usd <= caps.cap_usd_max;
    [
        (caps.default_cap_usd > NanoUsd::ZERO, "connections.default_cap_usd", NOTHING),
        (default, "connections.default_cap_usd", "exceeds connections.cap_usd_max, which nobody may"),
        (caps.unregistered_cap_usd > NanoUsd::ZERO, "connections.unregistered_cap_usd", NOTHING),
    ]
}

fn others(config: &Config) -> [Bound; 11] {
    let billing = &config.billing;
    let share = billing.partner_share_bps <= billing.partner_share_bps_max;
    let share_max = billing.partner_share_bps_max <= BasisPoints::WHOLE;
    let matures = billing.commission_matures_days <= MATURES_DAYS_MAX;
    let price = billing.credit_price_usd > NanoUsd::ZERO;
    let exposure = billing.exposure_max_usd >= NanoUsd::ZERO;
    let terms = billing.partner_terms();
    let catalog = &config.catalog;
    let is_one = catalog.prices_url.is_none() || catalog.prices_file.is_none();
    let is_url = catalog.prices_url.as_deref().is_none_or(|url| PriceSource::of_url(url).is_some());
    [
        (
            exposure,
            "billing.exposure_max_usd",
            "is below zero; set how much you may lose on one person, such as \"0.5\"",
        ),
        (share_max, "billing.partner_share_bps_max", "exceeds 10000, the whole markup"),
        (share, "billing.partner_share_bps", "exceeds billing.partner_share_bps_max, at most 10000, the whole markup"),
        (matures, "billing.commission_matures_days", "exceeds 3650, ten years"),
        (
            terms.markup_min <= terms.markup_max,
            "billing.partner_markup_bps_min",
            "exceeds billing.partner_markup_bps_max; each is billing.markup_bps where it is not set",
        ),
        (
            is_url,
            "catalog.prices_url",
            "is no https URL, nor an http URL of this machine; prices must not be changed on the way",
        ),
        (is_one, "catalog.prices_file", "is set besides catalog.prices_url; remove one of them"),
        (
            (1..=PLAY_CREDITS_MAX).contains(&config.test.play_credits),
            "test.play_credits",
            "is not between 1 and 1000000; to serve no test keys, set enabled = false",
        ),
        (price, "billing.credit_price_usd", "is not above zero; set what a credit sells for, such as \"0.01\""),
        (
            is_filter(&config.log.filter),
            "log.filter",
            "is no level or filter; set it to \"info\", say, or \"info,hyper=warn\"",
        ),
        (
            (0.0..=1.0).contains(&config.log.access_sample),
            "log.access_sample",
            "is not between 0 and 1; set the share of requests that get a line, such as 0.1",
        ),
    ]
}

/// An address or a host name, and a port. Whether the name resolves is known only at the start.
fn is_address(text: &str) -> bool {
    let is_named = |(host, port): (&str, &str)| !host.is_empty() && !host.contains(':') && port.parse::<u16>().is_ok();
    text.parse::<SocketAddr>().is_ok() || text.rsplit_once(':').is_some_and(is_named)
}

/// A filter is a list of levels, each for a target or for all. An unknown level would count as a target, and all other
/// lines would be lost.
fn is_filter(text: &str) -> bool {
    let mut directives = text.split(',').map(|directive| directive.rsplit('=').next().unwrap_or(directive).trim());
    directives.all(|level| LEVELS.iter().any(|known| level.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(toml: &str, problem: Option<&str>) {
        let error = Config::read(toml, []).err().map(|error| error.to_string());
        match problem {
            None => assert_eq!(error, None, "{toml}"),
            Some(field) => {
                let error = error.unwrap_or_default();
                assert!(error.starts_with(field), "{toml}: {error}");
            }
        }
    }

    /// A section, its field, a value beyond its bound, and one within.
    const BOUNDS: &[(&str, &str, &str, &str)] = &[
        ("server", "listen", "\"8899\"", "\"localhost:8899\""),
        ("server", "listen", "\":8899\"", "\"0.0.0.0:8899\""),
        ("server", "listen", "\"::1:8899\"", "\"[::1]:8899\""),
        ("server", "listen", "\"127.0.0.1:99999\"", "\"127.0.0.1:0\""),
        ("server", "public_url", "\"credits.example\"", "\"https://credits.example\""),
        ("server", "public_url", "\"https://example.org/credits\"", "\"http://localhost:8787/\""),
        ("server", "public_url", "\"https://\"", "\"https://[::1]:8787\""),
        ("server", "public_url", "\"ftp://credits.example\"", "\"http://127.0.0.1\""),
        ("server", "body_bytes_max", "0", "1"),
        ("server", "header_bytes_max", "8191", "8192"),
        ("server", "header_read_ms", "0", "1"),
        ("server", "body_read_ms", "0", "1"),
        ("server", "write_ms", "0", "1"),
        ("server", "connections_max", "0", "1"),
        ("server", "connections_max", "1000001", "1000000"),
        ("server", "keep_alive_ms", "0", "1"),
        ("server", "tls_check_ms", "0", "1"),
        ("upstream", "connect_ms", "0", "1"),
        ("upstream", "first_byte_ms", "0", "1"),
        ("upstream", "idle_ms", "0", "1"),
        ("upstream", "total_ms", "0", "1"),
        ("upstream", "body_bytes_max", "0", "1"),
        ("upstream", "attachment_bytes_max", "0", "1"),
        ("upstream", "drains_max", "0", "1"),
        ("upstream", "drains_max", "1000001", "1000000"),
        ("upstream", "attempts_max", "0", "1"),
        ("ledger", "hold_expiry_ms", "1200000", "1200001"),
        ("billing", "partner_share_bps", "10001", "10000"),
        ("billing", "partner_share_bps_max", "10001", "10000"),
        ("billing", "commission_matures_days", "3651", "3650"),
        ("billing", "partner_markup_bps_min", "2501", "2500"),
        (
            "billing",
            "partner_markup_bps_min",
            "2501\npartner_markup_bps_max = 2500",
            "2501\npartner_markup_bps_max = 2501",
        ),
        ("catalog", "prices_url", "\"http://prices.example/book\"", "\"https://prices.example/book\""),
        ("catalog", "prices_url", "\"prices.jsonl\"", "\"http://127.0.0.1:80/book\""),
        ("catalog", "prices_file", "\"book\"\nprices_url = \"https://a.example\"", "\"book\""),
        ("billing", "credit_price_usd", "\"0\"", "\"0.000000001\""),
        ("billing", "credit_price_usd", "\"-1\"", "\"1\""),
        ("billing", "exposure_max_usd", "\"-0.1\"", "\"0\""),
        ("retention", "audit_days", "36501", "36500"),
        ("retention", "mail_days", "36501", "0"),
        ("retention", "unpaid_order_days", "29", "30"),
        ("retention", "unpaid_order_days", "36501", "0"),
        ("retention", "request_index_days", "36501", "1"),
        ("connections", "default_cap_usd", "\"0\"", "\"0.01\""),
        ("connections", "default_cap_usd", "\"1000.01\"", "\"1000\""),
        ("connections", "unregistered_cap_usd", "\"0\"", "\"1\""),
        ("retention", "application_days", "36501", "0"),
        ("privacy", "deletion_grace_days", "31", "30"),
        ("privacy", "address_keys_file", "\"a\"\naddress_keys = \"b\"", "\"a\""),
        ("test", "play_credits", "0", "1"),
        ("test", "play_credits", "1000001", "1000000"),
        ("log", "filter", "\"loud\"", "\"WARN\""),
        ("log", "filter", "\"info,opencredits_api=loud\"", "\"info,opencredits_api=debug\""),
        ("log", "filter", "\"\"", "\"off\""),
        ("log", "access_sample", "1.01", "0.01"),
        ("log", "access_sample", "nan", "0.0"),
        ("database", "connections", "0", "1"),
        ("database", "connections", "1001", "1000"),
        ("database", "writers", "0", "1"),
        ("database", "writers", "65", "64"),
        ("traces", "sample", "-0.1", "0.1"),
        ("traces", "endpoint", "\"collector\"", "\"http://127.0.0.1:4318\""),
    ];

    #[test]
    fn a_value_beyond_its_bound_is_refused_by_name_and_one_within_is_not() {
        for (section, field, beyond, within) in BOUNDS {
            check(&format!("[{section}]\n{field} = {beyond}"), Some(&format!("{section}.{field}")));
            check(&format!("[{section}]\n{field} = {within}"), None);
        }
    }

    #[test]
    fn a_certificate_and_its_key_are_set_together_or_not_at_all() {
        check("[server]\ntls_certificate_file = \"a\"", Some("server.tls_key_file"));
        check("[server]\ntls_key_file = \"b\"", Some("server.tls_certificate_file"));
        check("[server]\ntls_certificate_file = \"a\"\ntls_key_file = \"b\"", None);
    }

    #[test]
    fn peers_are_addresses_or_networks() {
        for setting in ["trusted_proxies", "proxy_protocol_from"] {
            check(&format!("[server]\n{setting} = [\"10.0.0.0/8\", \"::1\", \"192.0.2.7\"]"), None);
            let error = Config::read(&format!("[server]\n{setting} = [\"10.0.0.7/8\"]"), []).unwrap_err().to_string();
            assert!(error.contains(setting) && error.contains("the network is \"10.0.0.0/8\""), "{error}");
        }
    }
}
