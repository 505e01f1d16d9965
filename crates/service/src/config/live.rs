//! Which settings change with a reload, and why the others need a restart.

use super::sections::Config;

/// Lists the settings that change with a reload, and takes them over from one config into another.
macro_rules! live {
    (fields: $($section:ident . $field:ident),* $(,)?; lists: $($list:ident),* $(,)?) => {
        /// The settings that change with a reload, as `section.field`, and lists by their name.
        pub(super) const LIVE: &[&str] = &[
            $(concat!(stringify!($section), ".", stringify!($field)),)*
            $(stringify!($list),)*
        ];

        /// Takes over from `new` what changes with a reload.
        pub(super) fn take_over(config: &mut Config, new: &Config) {
            $(config.$section.$field.clone_from(&new.$section.$field);)*
            $(config.$list.clone_from(&new.$list);)*
        }
    };
}

live! {
    fields:
        server.body_bytes_max,
        server.body_read_ms,
        server.keep_alive_ms,
        server.strict,
        server.enabled,
        server.cors_origins,
        server.country,
        ledger.ack,
        ledger.hold_expiry_ms,
        billing.markup_bps,
        billing.partner_share_bps,
        billing.partner_share_bps_max,
        billing.partner_markup_bps_min,
        billing.partner_markup_bps_max,
        billing.commission_matures_days,
        billing.exposure_max_usd,
        billing.lower_caps,
        payments.open_orders_max,
        payments.fee_bps,
        payments.on_fraud_warning,
        payments.currency,
        payments.bonus,
        upstream.connect_ms,
        upstream.first_byte_ms,
        upstream.idle_ms,
        upstream.total_ms,
        upstream.idle_connections_max,
        upstream.body_bytes_max,
        upstream.attempts_max,
        upstream.backoff_ms,
        upstream.retry_wait_ms_max,
        upstream.fetch_attachments,
        upstream.attachment_bytes_max,
        catalog.sandbox,
        offer.allow,
        offer.deny,
        reconcile.tolerance_bps,
        reconcile.minimum_usd,
        reconcile.lag_days,
        log.filter,
        log.access,
        log.access_sample,
        alarms.mail_to,
        alarms.webhook_url,
        alarms.webhook_secret,
        alarms.webhook_secret_file,
        alarms.repeat_hours,
        alarms.runbooks_url,
        alarms.pace;
    lists: vendor, model, discover, markup
}

/// The settings that need a restart, with the reason.
pub(super) const RESTART: &[(&str, &[&str])] = &[
    (
        "the listener and its threads are made at the start",
        &[
            "server.listen",
            "server.header_bytes_max",
            "server.header_read_ms",
            "server.write_ms",
            "server.shutdown_ms",
            "server.connections_max",
            "server.connections_per_address_max",
            "server.trusted_proxies",
            "server.proxy_protocol_from",
            "server.tls_certificate_file",
            "server.tls_key_file",
            "server.tls_check_ms",
            "server.memory_max",
            "server.threads",
        ],
    ),
    ("links, pages and tokens that were given out name it", &["server.public_url", "server.top_up_url"]),
    ("files are opened at the start", &["data.dir", "data.key", "data.key_file"]),
    (
        "databases are connected at the start",
        &[
            "database.url",
            "database.url_file",
            "database.read_url",
            "database.read_url_file",
            "database.test_url",
            "database.test_url_file",
            "database.ca_file",
            "database.connections",
            "database.writers",
        ],
    ),
    ("every balance is shown by it", &["billing.credit_price_usd"]),
    (
        "the payment processor is connected at the start, and an order that is under way repeats what it was told",
        &[
            "payments.processor",
            "payments.key",
            "payments.key_file",
            "payments.webhook_secret",
            "payments.webhook_secret_file",
            "payments.api_url",
            "payments.marker",
            "payments.product_name",
            "payments.success_url",
            "payments.cancel_url",
            "payments.page_minutes",
        ],
    ),
    ("detached requests are bounded from the start", &["upstream.drains_max", "upstream.drain_ms"]),
    (
        "recurring jobs are set up at the start",
        &[
            "payments.reconcile_hours",
            "catalog.prices_url",
            "catalog.prices_file",
            "catalog.refresh_hours",
            "email.low_balance_usd",
            "email.limit_notices",
            "email.keep_days",
            "retention.audit_days",
            "retention.mail_days",
            "retention.unpaid_order_days",
            "retention.application_days",
            "retention.request_index_days",
        ],
    ),
    ("test mode is built at the start", &["test.enabled", "test.play_credits"]),
    (
        "consents that are being given show it",
        &[
            "connections.default_cap_usd",
            "connections.cap_usd_max",
            "connections.unregistered_apps",
            "connections.unregistered_cap_usd",
        ],
    ),
    (
        "what sends mails is built at the start",
        &[
            "email.transport",
            "email.from",
            "email.reply_to",
            "email.host",
            "email.port",
            "email.tls",
            "email.ca_file",
            "email.username",
            "email.password",
            "email.password_file",
            "email.api_key",
            "email.api_key_file",
            "email.webhook_secret",
            "email.timeout_ms",
        ],
    ),
    (
        "pages are filled at the start",
        &[
            "site.name",
            "site.operator_name",
            "site.operator_address",
            "site.contact",
            "site.terms_effective",
            "site.privacy_version",
            "site.privacy_effective",
            "identity.terms_version",
        ],
    ),
    (
        "signing in is set up at the start",
        &[
            "identity.sign_up",
            "identity.session_idle_days",
            "identity.session_days",
            "identity.mails_per_address_hour",
            "identity.mails_per_network_hour",
            "identity.mails_per_hour",
            "identity.answers_per_address_hour",
            "identity.answers_per_network_hour",
            "identity.answers_per_hour",
            "identity.hash_key",
            "identity.hash_key_file",
            "identity.link_keys",
            "identity.link_keys_file",
            "identity.keys_in_data",
        ],
    ),
    (
        "addresses are decrypted with it from the start",
        &["privacy.address_keys", "privacy.address_keys_file", "privacy.deletion_grace_days"],
    ),
    ("what sends traces is built at the start", &["traces.endpoint", "traces.sample"]),
    ("the form of the log is chosen at the start", &["log.format"]),
    ("the admin listener is made at the start", &["admin.listen", "admin.token", "admin.token_file"]),
];

/// The settings that change with a reload, as `section.field`, and lists by their name.
#[must_use]
pub const fn live_settings() -> &'static [&'static str] {
    LIVE
}

/// Why a setting needs a restart; `None` where it changes with a reload.
pub(super) fn restart_reason(setting: &str) -> Option<&'static str> {
    RESTART.iter().find(|(_, settings)| settings.contains(&setting)).map(|(reason, _)| *reason)
}
