//! Providers, the public address, and the clock by what they say.

use super::finding::Finding;
use super::mail;
use crate::check;
use crate::error::AdminError;
use http::{HeaderMap, StatusCode, Uri};
use jiff::fmt::rfc2822::DateTimeParser;
use opencredits_providers::http::{Client, Settings, Timeouts};
use opencredits_providers::{TransportError, UpstreamResponse};
use opencredits_service::config::{Config, Processor};
use opencredits_service::{Clock, ConfiguredVendor, ServedCatalogue};
use opencredits_units::UnixMs;

/// How long a peer may take.
const WAIT_MS: u64 = 10_000;
/// A difference of clocks that should be mended, and one that breaks signatures and codes.
const CLOCK_OFF_MS: u64 = 5_000;
const CLOCK_TOO_FAR_OFF_MS: u64 = 60_000;

/// Asks everyone.
pub(super) async fn findings(
    config: &Config,
    offer: &ServedCatalogue,
    clock: &dyn Clock,
) -> Result<Vec<Finding>, AdminError> {
    let timeouts = Timeouts { connect_ms: WAIT_MS, first_byte_ms: WAIT_MS, idle_ms: WAIT_MS, total_ms: WAIT_MS };
    let client = Client::new(Settings { timeouts, idle_connections_max: 1 })?;
    let (mut all, mut dates) = (Vec::new(), Vec::new());
    let catalog = offer.offered();
    let sells = |vendor: &ConfiguredVendor| check::served_by(&catalog, &vendor.vendor.id) > 0;
    for vendor in offer.vendors.iter().filter(|vendor| vendor.offered && !vendor.is_inside() && sells(vendor)) {
        let (finding, date) = of_vendor(vendor, &client).await;
        all.push(finding);
        dates.extend(date.map(|date| (date, clock.now())));
    }
    all.extend(of_address(config, &client).await);
    all.extend(mail::finding(&config.email, WAIT_MS).await);
    all.push(of_clock(&dates));
    Ok(all)
}

/// Asks a provider for what costs nothing and needs our key; and what its clock says.
async fn of_vendor(vendor: &ConfiguredVendor, client: &Client) -> (Finding, Option<UnixMs>) {
    let what = format!("provider {}", vendor.vendor.id);
    let Some((url, headers)) = vendor.check_request() else {
        return (Finding::good(what, "not asked: it has no call that costs nothing"), None);
    };
    let response = match client.get(url, headers).await {
        Ok(response) => response,
        Err(error) => return (unreached(what, error.to_string()), None),
    };
    let variable = vendor.vendor.key_env.as_deref().unwrap_or("the variable of its key");
    let finding = match response.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Finding::bad(
            what,
            format!("it refuses our key with {}", response.status.as_u16()),
            format!("put a valid key into {variable}"),
        ),
        status if status.is_success() => Finding::good(what, "it takes our key"),
        status => {
            Finding::warning(what, format!("it answers {}", status.as_u16()), "try again later; see its status page")
        }
    };
    (finding, date(&response))
}

fn unreached(what: impl Into<String>, found: String) -> Finding {
    Finding::bad(what, found, "check name resolution, the firewall, and the address in the config")
}

fn date(response: &UpstreamResponse) -> Option<UnixMs> {
    let text = response.headers.get(http::header::DATE)?.to_str().ok()?;
    let at = DateTimeParser::new().parse_timestamp(text).ok()?.as_millisecond();
    Some(UnixMs::new(u64::try_from(at).ok()?))
}

/// Asks the service by its public address, as people and the payment processor do.
async fn of_address(config: &Config, client: &Client) -> Vec<Finding> {
    let url = config.server.public_url();
    let address = match status(client, &format!("{url}/healthz")).await {
        Ok(StatusCode::OK) => Finding::good("public address", format!("{url} reaches the gateway")),
        Ok(status) => Finding::bad(
            "public address",
            format!("{url}/healthz answers {}", status.as_u16()),
            format!("let the proxy pass everything to {}", config.server.listen),
        ),
        Err(_) => unreached("public address", format!("{url} cannot be reached")),
    };
    if config.payments.processor != Processor::Stripe {
        return vec![address];
    }
    let payments = &config.payments;
    // The route answers GET alike with a secret and without one.
    if payments.webhook_secret.is_none() && payments.webhook_secret_file.is_none() {
        let how = "set payments.webhook_secret_file to the signing secret of a webhook";
        return vec![address, Finding::warning("webhook", "there is none: payments are found by polling", how)];
    }
    let hook = format!("{url}/webhooks/stripe");
    let webhook = match status(client, &hook).await {
        // It takes POST alone.
        Ok(StatusCode::METHOD_NOT_ALLOWED) => Finding::good("webhook", format!("{hook} is there")),
        Ok(StatusCode::NOT_FOUND) => Finding::bad(
            "webhook",
            format!("there is no {hook}"),
            "set payments.webhook_secret_file to the signing secret of the webhook",
        ),
        Ok(status) => Finding::warning(
            "webhook",
            format!("{hook} answers {} to GET", status.as_u16()),
            "let the proxy pass it to the gateway, without a login",
        ),
        Err(_) => unreached("webhook", format!("{hook} cannot be reached")),
    };
    vec![address, webhook]
}

async fn status(client: &Client, url: &str) -> Result<StatusCode, TransportError> {
    let url: Uri = url.parse().map_err(|_| TransportError::InvalidRequest)?;
    Ok(client.get(url, HeaderMap::new()).await?.status)
}

/// The clock of this machine by those of others: the smallest difference counts.
fn of_clock(dates: &[(UnixMs, UnixMs)]) -> Finding {
    let apart = |(theirs, ours): &(UnixMs, UnixMs)| theirs.get().abs_diff(ours.get());
    let remedy = "synchronize it, with chrony or systemd-timesyncd";
    let Some(apart) = dates.iter().map(apart).min() else {
        return Finding::warning("clock", "nobody told the time", "see `timedatectl`");
    };
    let said = format!("{} s from a provider's", apart.checked_div(1_000).unwrap_or_default());
    match apart {
        CLOCK_TOO_FAR_OFF_MS.. => Finding::bad("clock", said, remedy),
        CLOCK_OFF_MS.. => Finding::warning("clock", said, remedy),
        _ => Finding::good("clock", said),
    }
}
