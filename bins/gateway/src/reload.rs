//! Reads the config again while the process serves: checked first, then everything at once, or nothing.

use crate::alarms;
use crate::build::{self, Built};
use crate::certificate;
use crate::discover;
use crate::error::StartError;
use crate::log::{self, LogFilter};
use crate::parts;
use crate::payments;
use crate::ports;
use crate::source::ConfigSource;
use crate::test_mode;
use crate::transports::{Transports, fetcher};
use async_trait::async_trait;
use opencredits_api::admin::{ConfigReload, Refusal, RefusalCode, ReloadRequest, ReloadView};
use opencredits_api::{App, Certificate, FrontSettings, LiveCertificate};
use opencredits_service::accounts::Actor;
use opencredits_service::alarms::{AlarmChannels, AlarmSettings, Alarms};
use opencredits_service::config::{Config, ReloadPlan, SettingChange};
use opencredits_service::prices::{OfferChange, Prices};
use opencredits_service::provider_bills::{ProviderReconciliation, ReconcileTerms};
use opencredits_service::purchases::PurchaseSettings;
use opencredits_service::{ChangeFeed, Clock as _, Offering, PreparedOffering, ServedCatalogue};
use opencredits_store::Change;
use opencredits_units::BasisPoints;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::signal::unix::Signal;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

/// The longest list of changes in the record of changes, in letters.
const RECORDED_LETTERS_MAX: usize = 4_000;

/// Reads the config again.
pub(crate) struct Reloader {
    source: ConfigSource,
    variables: Vec<(String, String)>,
    live: Live,
    /// One reload at a time.
    state: Mutex<InForce>,
    /// Tells the other processes that have the same data, where there are any.
    feed: Option<Arc<ChangeFeed>>,
}

/// What a reload changes. It does not keep the process from ending.
struct Live {
    app: Weak<App>,
    prices: Arc<Prices>,
    providers: Arc<ProviderReconciliation>,
    log: LogFilter,
    tls: Option<Arc<LiveCertificate>>,
    alarms: Option<Arc<Alarms>>,
}

/// What is in force.
struct InForce {
    config: Config,
    transports: Transports,
}

/// Everything of another config, ready to be served by.
struct Staged {
    config: Config,
    transports: Transports,
    served: ServedCatalogue,
    offerings: (PreparedOffering, Option<PreparedOffering>),
    purchases: Option<PurchaseSettings>,
    purchases_of_test_mode: Option<PurchaseSettings>,
    reconcile: ReconcileTerms,
    filter: EnvFilter,
    certificate: Option<Certificate>,
    alarms: (AlarmSettings, AlarmChannels),
}

impl Reloader {
    /// Reloads what was built of this config.
    pub(crate) fn over(built: &Built, config: &Config, (source, log): (ConfigSource, LogFilter)) -> Self {
        let live = Live {
            app: Arc::downgrade(&built.app),
            prices: Arc::clone(&built.prices),
            providers: Arc::clone(&built.providers),
            log,
            tls: built.tls.clone(),
            alarms: None,
        };
        let state = Mutex::new(InForce { config: config.clone(), transports: built.transports.clone() });
        Self { source, variables: ports::environment(), live, state, feed: None }
    }

    /// The same, which reloads how these alarms are told as well.
    pub(crate) fn of_alarms(mut self, alarms: &Arc<Alarms>) -> Self {
        self.live.alarms = Some(Arc::clone(alarms));
        self
    }

    /// The same, which tells the processes that share the data.
    pub(crate) fn telling(mut self, feed: Option<Arc<ChangeFeed>>) -> Self {
        self.feed = feed;
        self
    }

    /// Reads the config where another process has: its file may be another one. Nothing is done where the settings are the same, also where
    /// files have changed that they name. What is refused leaves everything as it is.
    pub(crate) async fn follow(&self) {
        if self.source.path.is_none() {
            return;
        }
        let is_same = match self.source.read() {
            Ok(new) => ReloadPlan::between(&self.state.lock().await.config, &new).changes.is_empty(),
            Err(_) => false,
        };
        if is_same {
            return;
        }
        if let Err(error) = self.reload(ReloadRequest { apply: true, text: None }).await {
            tracing::error!(%error, "another process has read its config again; the one here is not taken over, and nothing has changed");
        }
    }

    /// Begins to heed hangups and changes of the certificate's files.
    pub(crate) fn start(self: Arc<Self>, tasks: &mut JoinSet<()>, hangups: Signal) {
        tasks.spawn(Arc::clone(&self).watch());
        tasks.spawn(self.heed(hangups));
    }

    /// Reloads with each hangup, until it is dropped.
    async fn heed(self: Arc<Self>, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            if !self.has_files() {
                tracing::warn!("there is nothing to read on a hangup: the gateway was started without --config");
                continue;
            }
            if let Err(error) = self.run(ReloadRequest { apply: true, text: None }).await {
                tracing::error!(%error, "the config is not taken over, and nothing has changed");
            }
        }
    }

    /// Whether there is anything to read again.
    const fn has_files(&self) -> bool {
        self.source.path.is_some() || self.live.tls.is_some()
    }

    /// Takes over another certificate once its files have changed and are valid, until it is dropped.
    async fn watch(self: Arc<Self>) {
        let (files, every) = {
            let config = &self.state.lock().await.config;
            (certificate::files(config), Duration::from_millis(config.server.tls_check_ms))
        };
        let (Some(files), Some(tls)) = (files, &self.live.tls) else { return };
        // The files may have changed since they were read at the start.
        let mut seen = None;
        loop {
            let stamped = certificate::stamps(&files).await;
            if stamped != seen {
                seen = stamped;
                self.take_certificate(tls).await;
            }
            tokio::time::sleep(every).await;
        }
    }

    /// Takes over the certificate of the files, where it is valid and another one.
    async fn take_certificate(&self, tls: &LiveCertificate) {
        // No reload runs meanwhile.
        let state = self.state.lock().await;
        match certificate::read_beside(&state.config).await {
            Ok(Some(certificate)) => {
                let Some(change) = certificate::change(&tls.now(), &certificate) else { return };
                certificate::put(tls, certificate, ports::SystemClock.now());
                let (before, after) = (change.before, change.after);
                tracing::info!(before, after, "the files of the certificate have changed, and it is in force");
            }
            Ok(None) | Err(StartError::Closing) => {}
            Err(error) => tracing::warn!(%error, "the files of the certificate have changed and are not taken over"),
        }
    }

    async fn run(&self, request: ReloadRequest) -> Result<ReloadView, StartError> {
        let view = self.reload(request).await?;
        if let Some(feed) = self.feed.as_ref().filter(|_| view.applied) {
            feed.tell(Change::Config);
        }
        Ok(view)
    }

    async fn reload(&self, request: ReloadRequest) -> Result<ReloadView, StartError> {
        let mut state = self.state.lock().await;
        let new = match &request.text {
            Some(text) => self.source.read_text(text)?,
            None if !self.has_files() => return Err(StartError::NoConfigFile),
            None => self.source.read()?,
        };
        let mut plan = ReloadPlan::between(&state.config, &new);
        let config = state.config.reloaded(&new)?;
        // What needs a restart is checked as well: the next start would fail by it.
        let variables = self.variables.clone();
        let checked = tokio::task::spawn_blocking(move || build::check_apart(&new, &variables).map(|()| new));
        let new = checked.await.map_err(|_| StartError::Closing)??;
        let change = self.live.prices.change_offer().await?;
        let staged = self.stage(&state, config, &change).await?;
        plan.changes.extend(change.current().key_changes(&staged.served));
        plan.changes.extend(self.live.certificate_change(staged.certificate.as_ref()));
        let of_certificate =
            staged.certificate.iter().filter_map(|certificate| certificate.notice(ports::SystemClock.now()));
        let notices = staged.served.notices(&new).iter().map(ToString::to_string).chain(of_certificate).collect();
        let view = ReloadView { applied: request.apply, config: self.source.path.clone(), notices, ..plan.into() };
        if request.apply {
            self.put(&mut state, change, staged)?;
            self.tell(&view).await?;
        }
        Ok(view)
    }

    /// Builds everything of a config. Nothing is exchanged yet.
    async fn stage(&self, state: &InForce, config: Config, change: &OfferChange<'_>) -> Result<Staged, StartError> {
        let app = self.live.app.upgrade().ok_or(StartError::Closing)?;
        let (filter, certificate) = (log::filter(&config.log)?, certificate::read_beside(&config).await?);
        let transports = state.transports.exchanged(&config)?;
        let alarms = (alarms::settings(&config), alarms::channels(&config)?);
        let (book, variables, of_catalogue) = (change.book().await?, self.variables.clone(), config.clone());
        // A large book takes some time, and the thread that accepts connections is this one.
        let built = tokio::task::spawn_blocking(move || ServedCatalogue::over(book, &of_catalogue, &variables)).await;
        let served = built.map_err(|_| StartError::Closing)??;
        let before = change.current();
        let served = discover::ask(&config, served, (&transports.client, Some(&before))).await;
        let (gateway, test_gateway) = change.gateways()?;
        let of_live = gateway.prepare(Offering {
            catalog: served.on_sale(),
            upstreams: transports.upstreams(&served),
            settings: parts::settings(&config),
            fetch: fetcher(&config)?,
        })?;
        let of_test = test_gateway.map(|gateway| -> Result<_, StartError> {
            Ok(gateway.prepare_test(test_mode::offering(&config, &served)?)?)
        });
        let offerings = (of_live, of_test.transpose()?);
        let sold = |app: &App| {
            let mode = app.payments.as_ref().map(|payments| payments.purchases.settings().mode);
            mode.map(|mode| payments::settings(&config, mode)).transpose()
        };
        let purchases_of_test_mode = app.test.as_ref().map(|test| sold(test.app())).transpose()?.flatten();
        let (purchases, reconcile) = (sold(&app)?, build::reconcile_terms(&config, &served));
        Ok(Staged {
            config,
            transports,
            served,
            offerings,
            purchases,
            purchases_of_test_mode,
            reconcile,
            filter,
            certificate,
            alarms,
        })
    }

    /// Serves by it from now on: nothing of it can fail but that the process ends.
    fn put(&self, state: &mut InForce, change: OfferChange<'_>, staged: Staged) -> Result<(), StartError> {
        let app = self.live.app.upgrade().ok_or(StartError::Closing)?;
        let Staged { config, served, offerings, .. } = staged;
        change.put(served, offerings)?;
        let front = parts::front_settings(&config);
        put_settings(&app, (&config, &front), staged.purchases);
        app.gateway.keyring().set_markup_bounds(&config.billing.partner_terms());
        if let Some(test) = &app.test {
            put_settings(test.app(), (&config, &front), staged.purchases_of_test_mode);
        }
        self.live.providers.compare_by(staged.reconcile);
        self.live.log.set(staged.filter);
        if let Some(alarms) = &self.live.alarms {
            let (settings, channels) = staged.alarms;
            alarms.exchange(settings, channels);
        }
        if let (Some(tls), Some(certificate)) = (&self.live.tls, staged.certificate) {
            certificate::put(tls, certificate, ports::SystemClock.now());
        }
        *state = InForce { config, transports: staged.transports };
        Ok(())
    }

    /// Tells the log, and the record of changes where there is a change.
    async fn tell(&self, view: &ReloadView) -> Result<(), StartError> {
        let names = |changes: &mut dyn Iterator<Item = &SettingChange>| {
            changes.map(|change| change.setting.as_str()).collect::<Vec<_>>().join(", ")
        };
        let changed = names(&mut view.changes.iter());
        tracing::info!(changes = view.changes.len(), changed, "the config was read again and is in force");
        if !view.needs_restart.is_empty() {
            let settings = names(&mut view.needs_restart.iter().map(|waits| &waits.change));
            tracing::warn!(settings, "these settings keep their values until the next start");
        }
        let Some(app) = self.live.app.upgrade().filter(|_| !view.changes.is_empty()) else { return Ok(()) };
        let subject = view.config.as_ref().map_or_else(String::new, |path| path.display().to_string());
        let detail = recorded(&view.changes);
        Ok(app.accounts.record_change((Actor::Operator, "config.reload"), &subject, detail).await?)
    }
}

impl Live {
    /// What another certificate would change.
    fn certificate_change(&self, certificate: Option<&Certificate>) -> Option<SettingChange> {
        certificate::change(&self.tls.as_ref()?.now(), certificate?)
    }
}

/// What handlers, keys and purchases of a mode go by.
fn put_settings(app: &App, (config, front): (&Config, &FrontSettings), purchases: Option<PurchaseSettings>) {
    app.settings.front.set(front.clone());
    app.accounts.set_partner_terms(config.billing.partner_terms());
    app.gateway.keyring().set_default_share(BasisPoints::new(config.billing.partner_share_bps));
    if let (Some(payments), Some(settings)) = (&app.payments, purchases) {
        payments.purchases.sell_by(settings);
    }
}

/// The changes in one text, as `billing.markup_bps: 2500 -> 3000; …`.
fn recorded(changes: &[SettingChange]) -> String {
    let value = |value: Option<&String>| value.map_or("not set", |value| value.as_str()).to_owned();
    let change = |change: &SettingChange| {
        let (before, after) = (value(change.before.as_ref()), value(change.after.as_ref()));
        format!("{}: {before} -> {after}", change.setting)
    };
    let text = changes.iter().map(change).collect::<Vec<_>>().join("; ");
    match text.char_indices().nth(RECORDED_LETTERS_MAX) {
        Some((end, _)) => format!("{}… and more", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[async_trait]
impl ConfigReload for Reloader {
    async fn reload(&self, request: ReloadRequest) -> Result<ReloadView, Refusal> {
        self.run(request).await.map_err(|error| {
            let code = match &error {
                StartError::Closing | StartError::Store(_) | StartError::Accounts(_) => RefusalCode::Failed,
                _ => RefusalCode::Invalid,
            };
            Refusal { code, refused: error.to_string() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transports;
    use opencredits_billing::Mode;
    use opencredits_service::config::live_settings;
    use opencredits_service::provider_bills::ReconcileSettings;

    /// A value of each setting that a reload changes, other than its default.
    const OTHER_VALUES: &[(&str, &str)] = &[
        ("server.body_bytes_max", "7"),
        ("server.body_read_ms", "7"),
        ("server.keep_alive_ms", "7"),
        ("server.strict", "true"),
        ("server.enabled", "false"),
        ("server.cors_origins", "[\"https://a.example\"]"),
        ("server.country", "\"PT\""),
        ("ledger.ack", "\"durable\""),
        ("ledger.hold_expiry_ms", "7000000"),
        ("billing.markup_bps", "7"),
        ("billing.partner_share_bps", "7"),
        ("billing.partner_share_bps_max", "7000"),
        ("billing.partner_markup_bps_min", "7"),
        ("billing.partner_markup_bps_max", "7000"),
        ("billing.commission_matures_days", "7"),
        ("billing.exposure_max_usd", "\"7\""),
        ("billing.lower_caps", "false"),
        ("payments.open_orders_max", "7"),
        ("payments.fee_bps", "7"),
        ("payments.on_fraud_warning", "\"log\""),
        ("payments.currency", "[{ code = \"usd\", amount_min = \"7\" }]"),
        ("payments.bonus", "[{ from = \"50\", bps = 7 }]"),
        ("upstream.connect_ms", "7"),
        ("upstream.first_byte_ms", "7"),
        ("upstream.idle_ms", "7"),
        ("upstream.total_ms", "7"),
        ("upstream.idle_connections_max", "7"),
        ("upstream.body_bytes_max", "7"),
        ("upstream.attempts_max", "7"),
        ("upstream.backoff_ms", "7"),
        ("upstream.retry_wait_ms_max", "7"),
        ("upstream.fetch_attachments", "false"),
        ("upstream.attachment_bytes_max", "7\nfetch_attachments = true"),
        ("catalog.sandbox", "true"),
        ("offer.allow", "[\"sandbox/*\"]"),
        ("offer.deny", "[\"anthropic/*\"]"),
        ("reconcile.tolerance_bps", "7"),
        ("reconcile.minimum_usd", "\"7\""),
        ("reconcile.lag_days", "7"),
        ("log.filter", "\"warn\""),
        ("log.access", "\"off\""),
        ("log.access_sample", "0.5"),
        ("alarms.repeat_hours", "7"),
        ("alarms.runbooks_url", "\"https://wiki.example\""),
        ("alarms.pace", "7"),
    ];
    /// Those that a test of the binary changes, which tells by them: vendors that list their models are asked over HTTP, and
    /// secrets are not shown.
    const OF_THE_BINARY: &[&str] =
        &["discover", "alarms.mail_to", "alarms.webhook_url", "alarms.webhook_secret", "alarms.webhook_secret_file"];
    /// The same of lists, which are whole tables.
    const OTHER_LISTS: &[(&str, &str)] = &[
        (
            "vendor",
            "[[vendor]]\nid = \"house\"\ndialect = \"openai-chat\"\nauth = \"none\"\nbase_url = \"http://127.0.0.1:1/v1\"",
        ),
        (
            "model",
            "[[model]]\nid = \"a/b\"\nvendor = \"openai\"\nupstream_model = \"b\"\ncontext_window = 9\nmax_output_tokens = 9\nprices = { input = \"1\", output = \"2\" }",
        ),
        ("markup", "[[markup]]\nmodels = [\"openai/*\"]\nbps = 7"),
    ];

    /// What is built of a config for the running process: what `stage` and `put` pass on.
    fn built(config: &Config) -> String {
        let served = ServedCatalogue::read(config, &[("OPENAI_API_KEY".to_owned(), "k".to_owned())]).unwrap();
        let catalog = served.on_sale();
        let models: Vec<_> = catalog.models().iter().map(|model| (model.id.to_string(), model.markup)).collect();
        let vendors: Vec<_> =
            served.vendors.iter().map(|vendor| (vendor.vendor.id.to_string(), vendor.offered)).collect();
        let requests = (parts::settings(config), parts::front_settings(config), config.billing.partner_terms());
        let money = (payments::settings(config, Mode::Test).unwrap(), ReconcileSettings::from(&config.reconcile));
        let ways = (transports::settings(config), transports::fetch_limits(config), alarms::settings(config));
        format!("{requests:?} {money:?} {ways:?} {} {models:?} {vendors:?}", log::filter(&config.log).unwrap())
    }

    #[test]
    fn each_live_setting_reaches_what_a_reload_exchanges() {
        let base = Config::read("[upstream]\nfetch_attachments = true", []).unwrap();
        let before = built(&base);
        let mut checked = OF_THE_BINARY.to_vec();
        for (setting, value) in OTHER_VALUES {
            let (section, field) = setting.split_once('.').unwrap();
            let fetches = if section == "upstream" && !value.contains("fetch") && field != "fetch_attachments" {
                "\nfetch_attachments = true"
            } else {
                ""
            };
            let new = Config::read(&format!("[{section}]\n{field} = {value}{fetches}"), []).unwrap();
            assert_ne!(built(&base.reloaded(&new).unwrap()), before, "{setting}");
            checked.push(setting);
        }
        for (list, text) in OTHER_LISTS {
            let new = Config::read(text, []).unwrap();
            assert_ne!(built(&base.reloaded(&new).unwrap()), before, "{list}");
            checked.push(list);
        }
        let mut live = live_settings().to_vec();
        live.sort_unstable();
        checked.sort_unstable();
        assert_eq!(checked, live);
    }
}
