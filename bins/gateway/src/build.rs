//! Builds the gateway from its config, with the real ports.

use crate::certificate;
use crate::cluster::{self, Changed, Shared};
use crate::connections;
use crate::data_key;
use crate::database::{self, Data, Files};
use crate::discover;
use crate::error::StartError;
use crate::identity;
use crate::machine;
use crate::mails;
use crate::pages;
use crate::parts::{OfProcess, api_settings, hash_key, settings};
use crate::payments;
use crate::ports::{SystemClock, SystemEntropy};
use crate::prices::PriceFetcher;
use crate::privacy;
use crate::test_mode::{self, BuiltTest};
use crate::transports::{Transports, fetcher};
use opencredits_api::{App, LiveCertificate, PagesApp, collect_routes};
use opencredits_keys::DataKeys;
use opencredits_ledger::AnyLedger;
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
use opencredits_store::Store;
use opencredits_units::BasisPoints;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Everything that runs.
pub(crate) struct Built {
    pub(crate) app: Arc<App>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) reaper: Reaper,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) files: Arc<Files>,
    /// Where other processes have the data as well.
    pub(crate) shared: Option<Shared>,
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

/// What everything is built on.
pub(crate) struct Base {
    process: OfProcess,
    transports: Transports,
    data: Data<AnyLedger>,
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
    let _collected_when_served = tokio::task::spawn_blocking(collect_routes);
    let transports = Transports::new(config)?;
    // An invalid config is refused before the folder is touched.
    mails::mailer(config)?;
    crate::alarms::channels(config)?;
    database::check(config)?;
    let of_program = ServedCatalogue::read(config, variables)?;
    let address_keys = privacy::keys(config, variables)?;
    data_key::apply(config, variables)?;
    let process = OfProcess { clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) };
    let tls = certificate::open(config, process.clock.now())?;
    let data = database::open(config, address_keys.as_ref(), &process).await?;
    let offer = match stored_book_in_force(&*data.store).await? {
        Some(book) => of_program.rebased(book)?,
        None => of_program,
    };
    let offer = discover::ask(config, offer, (&transports.client, None)).await;
    for notice in offer.notices(config) {
        tracing::warn!("{notice}");
    }
    let pages = pages.await.map_err(|_| StartError::Thread)??;
    Ok(Base { process, transports, data, address_keys, offer, pages, tls })
}

/// Builds everything that serves.
pub(crate) async fn build(base: Base, config: &Config) -> Result<Built, StartError> {
    let Base { process, transports, data, address_keys, offer, pages, tls } = base;
    let Data { ledger, store, files } = data;
    let test = test_mode::build(config, (&offer, &pages), (&process, address_keys.as_ref())).await?;
    books::open(&ledger, process.clock.now()).await?;
    let usage = Arc::new(UsageReads::new(ledger.clone(), store.clone()));
    let providers = reconciliation((config, &offer), (&usage, &store), &transports.client, &process);
    let OfProcess { clock, entropy } = &process;
    let keyring = keyring(config, (&store, &files), &process);
    let feed = cluster::feed(&files, &store);
    let changed = cluster::changed(&keyring, feed.as_ref());
    let desk = test.as_ref().and_then(|test| test.desk(config));
    // A key may be created before its model's vendor is on sale.
    let accounts = accounts(config, (&ledger, &store), (&changed, &process)).with_test_desk(desk);
    let accounts = Arc::new(accounts.knowing(offer.catalog.clone()));
    let account_links = identity::link_keys(config, &store, &process).await?.map(AccountLinks::new);
    let mails = mails_of(config, (&ledger, &store), (&process, account_links.clone()))?;
    let payments = payments::build(config, of_payments((&ledger, &store), mails.queue.clone(), &process))?;
    let hash_key = hash_key(&store, &**entropy).await?;
    let connections = connections::build(config, (&store, &accounts, &usage), (&process, &hash_key));
    let purchases = payments.as_ref().map(|payments| Arc::clone(&payments.purchases));
    let of_mails = (mails.queue.clone(), account_links);
    let ground = privacy::Ground::new(&store, (Arc::clone(&usage), changed), of_mails, purchases);
    let about_people = privacy::build(config, (ground, address_keys.as_ref()), &process);
    let people = (Arc::clone(&about_people.privacy), Arc::clone(&about_people.exporter));
    let (identity, secret_mails) =
        identity::build(config, (&store, &accounts), (&process, about_people)).await?.unzip();
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
    let live = live_prices(config, (&gateway, test.as_ref()), (offer, transports.client.clone()));
    let prices = Arc::new(Prices::new(store.clone(), Arc::clone(&accounts), Arc::clone(clock)).beside(live));
    let app = App {
        gateway,
        accounts: Arc::clone(&accounts),
        partners: store.clone(),
        payments,
        identity,
        connections,
        pages,
        settings: api_settings(config),
        ready: AtomicBool::new(true),
        test: test.as_ref().map(|test| test.app.clone()),
    };
    let shared = feed.map(|feed| Shared::new(feed, &files, &app.gateway));
    Ok(Built {
        app: Arc::new(app),
        shared,
        accounts,
        reaper,
        store,
        files,
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

/// The use cases of accounts. Whoever caches keys is told of each change.
fn accounts(
    config: &Config,
    (ledger, store): (&AnyLedger, &Arc<dyn Store>),
    (changed, process): (&Changed, &OfProcess),
) -> Accounts {
    let (clock, entropy, changed) = (Arc::clone(&process.clock), Arc::clone(&process.entropy), Arc::clone(changed));
    Accounts::new(ledger.clone(), Tables::of(store.clone()), clock, entropy)
        .on_change(move || changed())
        .with_partner_terms(config.billing.partner_terms())
}

fn of_payments<'a>(
    (ledger, store): (&AnyLedger, &'a Arc<dyn Store>),
    queue: MailQueue,
    process: &OfProcess,
) -> payments::Ground<'a> {
    let (clock, entropy) = (Arc::clone(&process.clock), Arc::clone(&process.entropy));
    payments::Ground { ledger: ledger.clone(), store, queue, clock, entropy }
}

fn keyring(config: &Config, (store, files): (&Arc<dyn Store>, &Files), process: &OfProcess) -> Arc<KeyRing> {
    let share = BasisPoints::new(config.billing.partner_share_bps);
    let keyring = KeyRing::new(KeyTables::of(store.clone()), Arc::clone(&process.clock), share);
    let keyring = keyring.with_markup_bounds(&config.billing.partner_terms());
    let keyring = if files.are_shared() {
        keyring.with_shared_rates(store.clone(), (&machine::process_name(), &*process.entropy))
    } else {
        keyring
    };
    Arc::new(keyring.with_origin(connections::origin(config).as_deref().unwrap_or_default()))
}

fn ports(config: &Config, store: &Arc<dyn Store>, process: &OfProcess) -> Result<Ports, StartError> {
    let OfProcess { clock, entropy } = process;
    let (clock, entropy) = (Arc::clone(clock), Arc::clone(entropy));
    Ok(Ports { clock, entropy, claims: store.clone(), fetch: fetcher(config)? })
}

/// What sends mails, and finds what people are told of.
fn mails_of(
    config: &Config,
    (ledger, store): (&AnyLedger, &Arc<dyn Store>),
    (process, account_links): (&OfProcess, Option<AccountLinks>),
) -> Result<Mails, StartError> {
    let of_mails = MailPorts {
        ledger: ledger.clone(),
        outbox: store.clone(),
        emails: store.clone(),
        limits: store.clone(),
        notices: store.clone(),
        choices: store.clone(),
        account_links,
        clock: Arc::clone(&process.clock),
        entropy: Arc::clone(&process.entropy),
    };
    Ok(Mails::new(config, mails::mailer(config)?, of_mails)?)
}

/// The comparison with the bills of providers.
fn reconciliation(
    (config, offer): (&Config, &ServedCatalogue),
    (usage, store): (&Arc<UsageReads>, &Arc<dyn Store>),
    http: &Client,
    process: &OfProcess,
) -> Arc<ProviderReconciliation> {
    Arc::new(ProviderReconciliation::new(ReconcileParts {
        usage: Arc::clone(usage),
        bills: store.clone(),
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
    database::check(config)?;
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
