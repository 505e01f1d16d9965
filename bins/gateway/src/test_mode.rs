//! Test mode: a second gateway of the same process, for test keys, that has neither real credits nor providers.

use crate::cluster::{self, Shared};
use crate::database::{self, Data, Files};
use crate::error::StartError;
use crate::jobs;
use crate::machine;
use crate::parts::{self, OfProcess};
use crate::payments;
use crate::task_sets::TaskSets;
use opencredits_api::admin::{Admin, AdminSocket};
use opencredits_api::{ApiSettings, PagesApp, TestApp, TestAppParts};
use opencredits_keys::DataKeys;
use opencredits_providers::sandbox::Sandbox;
use opencredits_service::accounts::{Accounts, Tables, TestDesk};
use opencredits_service::config::Config;
use opencredits_service::jobs::StopSignal;
use opencredits_service::mail::MailQueue;
use opencredits_service::telemetry::ModeParts;
use opencredits_service::{
    Gateway, KeyRing, KeyTables, Reaper, ServedCatalogue, Settings, TEST_DIR, TestGateway, TestOffering, TestParts,
    TestPorts, TestUpstreams, UsageReads, books,
};
use opencredits_store::Store;
use opencredits_units::BasisPoints;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The part of the memory for bodies that test keys may take besides.
const MEMORY_PART: usize = 8;
/// Detached requests of test keys that are read to their end at once.
const DRAINS_MAX: usize = 100;

/// Everything of test mode that runs.
pub(crate) struct BuiltTest {
    pub(crate) app: TestApp,
    accounts: Arc<Accounts>,
    reaper: Reaper,
    store: Arc<dyn Store>,
    files: Arc<Files>,
    shared: Option<Shared>,
}

/// Opens the data of test mode, and builds what serves test keys; `None` where test mode is off.
pub(crate) async fn build(
    config: &Config,
    (offer, pages): (&ServedCatalogue, &Arc<PagesApp>),
    (process, keys): (&OfProcess, Option<&DataKeys>),
) -> Result<Option<BuiltTest>, StartError> {
    if !config.test.enabled {
        return Ok(None);
    }
    let OfProcess { clock, entropy } = process;
    let Some(data) = database::open_test(config, keys, process).await? else {
        return Ok(None);
    };
    let Data { ledger, store, files } = data;
    books::open(ledger.ledger(), clock.now()).await?;
    let TestOffering { catalog, upstreams, settings: of_requests } = offering(config, offer)?;
    let share = BasisPoints::new(config.billing.partner_share_bps);
    let keyring = KeyRing::new(KeyTables::of(store.clone()), Arc::clone(clock), share);
    let keyring = Arc::new(match files.are_shared() {
        true => keyring.with_shared_rates(store.clone(), (&machine::process_name(), &**entropy)),
        false => keyring,
    });
    let feed = cluster::feed(&files, &store);
    let changed = cluster::changed(&keyring, feed.as_ref());
    let tables = Tables::of(store.clone());
    let accounts = Accounts::of_test_mode(&ledger, tables, Arc::clone(clock), Arc::clone(entropy))
        .on_change(move || changed())
        .with_partner_terms(config.billing.partner_terms())
        .knowing(catalog.clone());
    let accounts = Arc::new(accounts);
    let of_payments = payments::Ground {
        ledger: ledger.ledger().clone(),
        store: &store,
        // No mail leaves test mode.
        queue: MailQueue::new(None, Arc::clone(clock), Arc::clone(entropy)),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
    };
    let payments = Some(payments::build_of_test_mode(config, of_payments)?);
    let of_gateway = TestParts {
        catalog,
        upstreams,
        usage: Arc::new(UsageReads::new(ledger.ledger().clone(), store.clone())),
        ledger,
        keyring,
        ports: TestPorts { clock: Arc::clone(clock), entropy: Arc::clone(entropy), claims: store.clone() },
        settings: of_requests,
        hash_key: parts::hash_key(&store, &**entropy).await?,
    };
    let (gateway, reaper) = TestGateway::new(of_gateway)?;
    let pages = Arc::clone(pages);
    let settings: ApiSettings = parts::api_settings(config);
    let of_app = TestAppParts { accounts: Arc::clone(&accounts), partners: store.clone(), payments, pages, settings };
    let shared = feed.map(|feed| Shared::new(feed, &files, gateway.gateway()));
    Ok(Some(BuiltTest { app: TestApp::new(&gateway, of_app), accounts, reaper, store, files, shared }))
}

/// Every model that is on sale, by the same routes at the same prices, and the sandbox's own.
pub(crate) fn offering(config: &Config, offer: &ServedCatalogue) -> Result<TestOffering, StartError> {
    let served = offer.vendors.iter().filter(|vendor| vendor.offered || vendor.is_inside());
    let upstreams = TestUpstreams::new(Sandbox::new(), served.map(|vendor| &*vendor.vendor))?;
    Ok(TestOffering { catalog: offer.in_test_mode(), upstreams, settings: smaller(parts::settings(config)) })
}

/// Test keys must not take what live ones need.
fn smaller(mut settings: Settings) -> Settings {
    settings.memory_max = settings.memory_max.div_euclid(MEMORY_PART);
    settings.large_at_once = 1;
    settings.drains.drains_max = settings.drains.drains_max.min(DRAINS_MAX);
    settings
}

impl BuiltTest {
    /// What gives partners their part of test mode.
    pub(crate) fn desk(&self, config: &Config) -> Option<TestDesk> {
        TestDesk::new(Arc::clone(&self.accounts), config.play_credits())
    }

    /// Its files.
    pub(crate) const fn files(&self) -> &Arc<Files> {
        &self.files
    }

    /// Starts its jobs and its admin socket, which serves until the sender is dropped.
    pub(crate) async fn start(
        self,
        config: &Config,
        (sets, jobs_stopped): (&mut TaskSets, Option<StopSignal>),
    ) -> Result<(oneshot::Sender<()>, ModeParts), StartError> {
        let app = self.app.app();
        let gateway: &Arc<Gateway> = &app.gateway;
        self.files.end_left(gateway).await?;
        let jobs = jobs::build_of_test_mode(app, config, &self.store);
        let (running, measured) = (Arc::clone(&jobs), Arc::clone(&jobs));
        if let Some(stopped) = jobs_stopped {
            sets.tasks.spawn(async move { running.run(stopped).await });
        }
        if let Some(shared) = self.shared {
            cluster::share(gateway).await;
            shared.start(sets, |_| std::future::ready(true));
        }
        let purchases = app.payments.as_ref().map(|payments| Arc::clone(&payments.purchases));
        sets.draining.spawn(self.reaper.run());
        let admin = Admin::new(self.accounts, app.settings.credit_price);
        let admin = self
            .files
            .shown_by(admin, (gateway.ledger(), &self.store))
            .of_purchases(purchases)
            .of_jobs(jobs)
            .of_access(Arc::clone(gateway.access()));
        let socket = AdminSocket::bind(&Path::new(&config.data.dir).join(TEST_DIR))?;
        let (close, closing) = oneshot::channel::<()>();
        sets.sockets.spawn(socket.serve(admin, async move {
            let _closed_or_dropped = closing.await;
        }));
        Ok((close, ModeParts { gateway: Arc::downgrade(gateway), jobs: measured }))
    }
}
