//! Builds the gateway from its config, with the real ports.

use crate::certificate;
use crate::connections;
use crate::data_key;
use crate::discover;
use crate::error::StartError;
use crate::identity;
use crate::mails;
use crate::pages;
use crate::parts::{OfProcess, api_settings, hash_key, make_folder, settings, when_unlocked};
use crate::payments;
use crate::ports::{SystemClock, SystemEntropy};
use crate::prices::PriceFetcher;
use crate::privacy;
use crate::test_mode::{self, BuiltTest};
use crate::transports::{Transports, fetcher};
use opencredits_api::{App, LiveCertificate, PagesApp};
use opencredits_backup::{LEDGER_FILE, STORE_FILE};
use opencredits_keys::{DataKeys, Mode};
use opencredits_ledger::Ledger;
use opencredits_providers::http::Client;
use opencredits_service::access::TraceSink;
use opencredits_service::accounts::{Accounts, Tables};
use opencredits_service::config::{Config, admin_token};
use opencredits_service::mail::{AccountLinks, MailPorts, MailQueue, Mails};
use opencredits_service::prices::{LivePrices, Prices, stored_book_in_force};
use opencredits_service::privacy::{Exporter, Privacy};
use opencredits_service::provider_bills::{BilledVendor, ProviderReconciliation, ReconcileParts, ReconcileTerms};
use opencredits_service::sign_in::SecretMailWorker;
use opencredits_service::{
    Clock as _, Gateway, KeyRing, KeyTables, Notice, Parts, Ports, PriceSource, Reaper, ServedCatalogue, UsageReads,
    books,
};
use opencredits_store::SqliteStore;
use opencredits_units::BasisPoints;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Everything that runs.
pub(crate) struct Built {
    pub(crate) app: Arc<App>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) reaper: Reaper,
    pub(crate) store: SqliteStore,
    pub(crate) mails: Mails,
    pub(crate) secret_mails: Option<SecretMailWorker>,
    pub(crate) prices: Arc<Prices>,
    pub(crate) providers: Arc<ProviderReconciliation>,
    pub(crate) test: Option<BuiltTest>,
    pub(crate) people: (Arc<Privacy>, Arc<Exporter>),
    pub(crate) address_keys: Option<DataKeys>,
    pub(crate) transports: Transports,
    pub(crate) tls: Option<Arc<LiveCertificate>>,
}

impl Built {
    /// Gives the requests of both modes to a sink of traces.
    pub(crate) fn trace_to(&self, sink: &Arc<dyn TraceSink>) {
        let test = self.app.test.as_ref().map(|test| test.app());
        for app in [Some(&self.app), test].into_iter().flatten() {
            app.gateway.access().trace_to(Arc::clone(sink));
        }
    }
}

/// Creates the data folder where there is none, and opens its files.
async fn open_files(
    dir: &Path,
    keys: Option<&DataKeys>,
    process: &OfProcess,
) -> Result<(Ledger, SqliteStore), StartError> {
    make_folder(dir)?;
    let ledger = when_unlocked(|| Ledger::open(dir.join(LEDGER_FILE))).await?;
    let store = privacy::open(&dir.join(STORE_FILE), keys, &process.entropy).await?;
    Ok((ledger, store.of_mode(Mode::Live)?))
}

/// What everything is built on.
pub(crate) struct Base {
    process: OfProcess,
    transports: Transports,
    ledger: Ledger,
    store: SqliteStore,
    address_keys: Option<DataKeys>,
    offer: ServedCatalogue,
    pages: Arc<PagesApp>,
    tls: Option<Arc<LiveCertificate>>,
}

/// Opens the data folder, reads the pages, and finds what is on sale. Nothing of it records metrics.
pub(crate) async fn open(config: &Config, variables: &[(String, String)]) -> Result<Base, StartError> {
    let site = pages::site(config);
    // Beside the files, on another core.
    let pages = tokio::task::spawn_blocking(move || PagesApp::new(site));
    let transports = Transports::new(config)?;
    // An invalid config is refused before the folder is touched.
    mails::mailer(config)?;
    crate::alarms::channels(config)?;
    let of_program = ServedCatalogue::read(config, variables)?;
    let address_keys = privacy::keys(config, variables)?;
    data_key::apply(config, variables)?;
    let process = OfProcess { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
    let tls = certificate::open(config, process.clock.now())?;
    let (ledger, store) = open_files(Path::new(&config.data.dir), address_keys.as_ref(), &process).await?;
    let offer = match stored_book_in_force(&store).await? {
        Some(book) => of_program.rebased(book)?,
        None => of_program,
    };
    let offer = discover::ask(config, offer, (&transports.client, None)).await;
    for notice in offer.notices(config) {
        tracing::warn!("{notice}");
    }
    let pages = pages.await.map_err(|_| StartError::Thread)??;
    Ok(Base { process, transports, ledger, store, address_keys, offer, pages, tls })
}

/// Builds everything that serves.
pub(crate) async fn build(base: Base, config: &Config) -> Result<Built, StartError> {
    let Base { process, transports, ledger, store, address_keys, offer, pages, tls } = base;
    let test = test_mode::build(config, (&offer, &pages), (&process, address_keys.as_ref())).await?;
    books::open(&ledger, process.clock.now())?;
    let usage = Arc::new(UsageReads::new(ledger.clone(), Arc::new(store.clone())));
    let providers = reconciliation((config, &offer), (&usage, &store), &transports.client, &process);
    let OfProcess { clock, entropy } = &process;
    let keyring = keyring(config, &store, &process);
    let forgetting = Arc::clone(&keyring);
    let accounts = Accounts::new(ledger.clone(), Tables::of(store.clone()), Arc::clone(clock), Arc::clone(entropy))
        .on_change(move || forgetting.forget_all())
        .with_partner_terms(config.billing.partner_terms())
        .with_test_desk(test.as_ref().and_then(|test| test.desk(config)))
        // A key may be created before its model's vendor is on sale.
        .knowing(offer.catalog.clone());
    let accounts = Arc::new(accounts);
    let account_links = identity::link_keys(config, &store, &process).await?.map(AccountLinks::new);
    let mails = mails_of(config, (&ledger, &store), (&process, account_links.clone()))?;
    let payments = payments::build(config, of_payments((&ledger, &store), mails.queue.clone(), &process))?;
    let hash_key = hash_key(&store, &**entropy).await?;
    let connections = connections::build(config, (&store, &accounts, &usage), (&process, &hash_key));
    let purchases = payments.as_ref().map(|payments| Arc::clone(&payments.purchases));
    let (usage_of_people, keys) = (Arc::clone(&usage), Arc::clone(&keyring));
    let ground = privacy::Ground::new(&store, (usage_of_people, keys), (mails.queue.clone(), account_links), purchases);
    let about_people = privacy::build(config, (ground, address_keys.as_ref()), &process);
    let people = (Arc::clone(&about_people.privacy), Arc::clone(&about_people.exporter));
    let identity = identity::build(config, (&store, &accounts), (&process, about_people)).await?;
    let (identity, secret_mails) = identity.unzip();
    let (gateway, reaper) = Gateway::new(Parts {
        catalog: offer.on_sale(),
        upstreams: transports.upstreams(&offer),
        usage,
        ledger,
        keyring,
        ports: ports(config, &store, &process)?,
        settings: settings(config),
        hash_key,
    })?;
    let prices = Prices::new(Arc::new(store.clone()), Arc::clone(&accounts), Arc::clone(clock));
    let prices =
        Arc::new(prices.beside(live_prices(config, (&gateway, test.as_ref()), (offer, transports.client.clone()))));
    let app = App {
        gateway,
        accounts: Arc::clone(&accounts),
        partners: Arc::new(store.clone()),
        payments,
        identity,
        connections,
        pages,
        settings: api_settings(config),
        ready: AtomicBool::new(true),
        test: test.as_ref().map(|test| test.app.clone()),
    };
    Ok(Built {
        app: Arc::new(app),
        accounts,
        reaper,
        store,
        mails,
        secret_mails,
        prices,
        providers,
        test,
        people,
        address_keys,
        transports,
        tls,
    })
}

fn of_payments<'a>(
    (ledger, store): (&Ledger, &'a SqliteStore),
    queue: MailQueue,
    process: &OfProcess,
) -> payments::Ground<'a> {
    let (clock, entropy) = (Arc::clone(&process.clock), Arc::clone(&process.entropy));
    payments::Ground { ledger: ledger.clone(), store, queue, clock, entropy }
}

fn keyring(config: &Config, store: &SqliteStore, process: &OfProcess) -> Arc<KeyRing> {
    let share = BasisPoints::new(config.billing.partner_share_bps);
    let keyring = KeyRing::new(KeyTables::of(store.clone()), Arc::clone(&process.clock), share);
    let keyring = keyring.with_markup_bounds(&config.billing.partner_terms());
    Arc::new(keyring.with_origin(connections::origin(config).as_deref().unwrap_or_default()))
}

fn ports(config: &Config, store: &SqliteStore, process: &OfProcess) -> Result<Ports, StartError> {
    let OfProcess { clock, entropy } = process;
    let (clock, entropy) = (Arc::clone(clock), Arc::clone(entropy));
    Ok(Ports { clock, entropy, claims: Arc::new(store.clone()), fetch: fetcher(config)? })
}

/// What sends mails, and finds what people are told of.
fn mails_of(
    config: &Config,
    (ledger, store): (&Ledger, &SqliteStore),
    (process, account_links): (&OfProcess, Option<AccountLinks>),
) -> Result<Mails, StartError> {
    let of_mails = MailPorts {
        ledger: ledger.clone(),
        outbox: Arc::new(store.clone()),
        emails: Arc::new(store.clone()),
        limits: Arc::new(store.clone()),
        notices: Arc::new(store.clone()),
        choices: Arc::new(store.clone()),
        account_links,
        clock: Arc::clone(&process.clock),
        entropy: Arc::clone(&process.entropy),
    };
    Ok(Mails::new(config, mails::mailer(config)?, of_mails)?)
}

/// The comparison with the bills of providers.
fn reconciliation(
    (config, offer): (&Config, &ServedCatalogue),
    (usage, store): (&Arc<UsageReads>, &SqliteStore),
    http: &Client,
    process: &OfProcess,
) -> Arc<ProviderReconciliation> {
    Arc::new(ProviderReconciliation::new(ReconcileParts {
        usage: Arc::clone(usage),
        bills: Arc::new(store.clone()),
        get: Arc::new(http.clone()),
        clock: Arc::clone(&process.clock),
        terms: reconcile_terms(config, offer),
    }))
}

/// What the config says of it.
pub(crate) fn reconcile_terms(config: &Config, offer: &ServedCatalogue) -> ReconcileTerms {
    ReconcileTerms {
        vendors: offer.vendors.iter().map(BilledVendor::from).collect(),
        catalog: offer.catalog.clone(),
        settings: (&config.reconcile).into(),
    }
}

/// Checks the whole config without touching the data folder, and returns notices for the operator.
pub(crate) fn check(config: &Config, variables: &[(String, String)]) -> Result<Vec<String>, StartError> {
    check_apart(config, variables)?;
    let of_offer = ServedCatalogue::read(config, variables)?.notices(config);
    let of_certificate = certificate::read(config)?.and_then(|certificate| certificate.notice(SystemClock.now()));
    Ok(of_offer.iter().map(Notice::to_string).chain(of_certificate).collect())
}

/// The same without the catalogue.
pub(crate) fn check_apart(config: &Config, variables: &[(String, String)]) -> Result<(), StartError> {
    crate::log::filter(&config.log)?;
    Transports::new(config)?;
    mails::mailer(config)?;
    identity::check(config)?;
    payments::check(config)?;
    privacy::keys_if_made(config, variables)?;
    data_key::read(config, variables)?;
    admin_token(&config.admin, variables)?;
    certificate::read(config)?;
    crate::alarms::channels(config)?;
    Ok(())
}

/// What a running gateway adds to the use cases of prices.
fn live_prices(
    config: &Config,
    (gateway, test): (&Arc<Gateway>, Option<&BuiltTest>),
    (served, http): (ServedCatalogue, Client),
) -> LivePrices {
    LivePrices {
        test_gateway: test.map(|test| Arc::downgrade(&test.app.app().gateway)),
        gateway: Arc::downgrade(gateway),
        served,
        fetch: Arc::new(PriceFetcher(http)),
        source: price_source(config),
    }
}

/// Where price books are loaded from.
fn price_source(config: &Config) -> Option<PriceSource> {
    let url = config.catalog.prices_url.as_deref().and_then(PriceSource::of_url);
    url.or_else(|| config.catalog.prices_file.clone().map(PriceSource::File))
}
