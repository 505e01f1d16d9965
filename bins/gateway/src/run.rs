//! Serves: listener, jobs, signals, and an orderly end.

use crate::alarms;
use crate::build::Built;
use crate::cluster::{self, Shared};
use crate::database::Files;
use crate::error::StartError;
use crate::jobs;
use crate::log::LogFilter;
use crate::machine;
use crate::metrics::Metrics;
use crate::ports::SystemClock;
use crate::reload::Reloader;
use crate::service_manager;
use crate::source::ConfigSource;
use crate::task_sets::TaskSets;
use crate::test_mode::BuiltTest;
use crate::workers::WorkerPool;
use opencredits_api::admin::{Admin, AdminSocket, ConfigReload};
use opencredits_api::{App, Ended, Limits, Listening, LiveCertificate, OperatorApp, Routes, serve, service};
use opencredits_ledger::AnyLedger;
use opencredits_service::accounts::Accounts;
use opencredits_service::config::{Config, MailTransport};
use opencredits_service::jobs::{Jobs, StopSignal, StopSwitch};
use opencredits_service::mail::Bounces;
use opencredits_service::prices::Prices;
use opencredits_service::privacy::{Exporter, Privacy};
use opencredits_service::provider_bills::ProviderReconciliation;
use opencredits_service::telemetry::{ModeParts, StateParts};
use opencredits_store::{Change, Store};
use opencredits_units::UnixMs;
use std::cell::Cell;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The time that running jobs have at the end, also where all of `server.shutdown_ms` is over.
const JOBS_END: Duration = Duration::from_secs(5);

/// Binds the listener, or takes the socket of the service manager in place of it. Where the config leaves the port open or
/// the socket has another address, it has the actual one from here on.
pub(crate) async fn bind(
    config: &mut Config,
    socket: Option<std::net::TcpListener>,
) -> Result<TcpListener, StartError> {
    let listen = config.server.listen.clone();
    let wrong = |source| StartError::Io { what: format!("the address {listen}"), source };
    let is_handed_over = socket.is_some();
    let listener = match socket {
        Some(socket) => TcpListener::from_std(socket).map_err(&wrong)?,
        None => TcpListener::bind(&listen).await.map_err(&wrong)?,
    };
    if is_handed_over || listen.ends_with(":0") {
        config.server.listen = listener.local_addr().map_err(wrong)?.to_string();
    }
    Ok(listener)
}

/// What a gateway takes requests with.
pub(crate) struct Front {
    pub(crate) listener: TcpListener,
    pub(crate) threads: WorkerPool,
}

/// Serves until SIGTERM or SIGINT, then gives running requests their time, settles the rest and flushes. A worker has no front.
pub(crate) async fn run(
    (built, front, metrics): (Built, Option<Front>, Option<Metrics>),
    config: &Config,
    (source, log, hangups): (ConfigSource, LogFilter, Signal),
    started: UnixMs,
) -> Result<ExitCode, StartError> {
    let reloader = Reloader::over(&built, config, (source, log));
    let Built {
        app,
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
        tls,
        shared,
        ..
    } = built;
    files.end_left(&app.gateway).await?;
    let of_modes = [Some(&files), test.as_ref().map(BuiltTest::files)].map(Option::<&Arc<Files>>::cloned);
    let of_people = (&people.0, built.address_keys.as_ref());
    let jobs = jobs::build(&app, config, (&store, mails.jobs.as_ref()), (&prices, &providers), of_people);
    let (stop_jobs, jobs_stopped) = StopSwitch::new();
    let mut sets = TaskSets::default();
    // Where gateways share the data, workers run the jobs and watch.
    let jobs_stopped = (front.is_none() || shared.is_none()).then_some(jobs_stopped);
    begin(&mut sets.tasks, &jobs, jobs_stopped.clone());
    sets.draining.spawn(reaper.run());
    let _mailing = secret_mails.map(|worker| sets.draining.spawn(worker.run()));
    let (close_test, test_mode) = start_test(test, config, (&mut sets, jobs_stopped.clone())).await?;
    let state = state_of(config, &app, (&store, mails.jobs.is_some()), (&jobs, &prices, &providers));
    let state = StateParts { test: test_mode, ..state };
    let of_tasks = (&mut sets.tasks, jobs_stopped, shared.is_some());
    let state = alarms::start((config, started), (state, tls.clone()), &store, of_tasks).await?;
    let reloader =
        Arc::new(reloader.of_alarms(&state.alarms).telling(shared.as_ref().map(|shared| Arc::clone(&shared.feed))));
    if let Some(shared) = shared {
        follow(shared, &app, (&prices, &reloader), &mut sets).await;
    }
    let admin = admin_of(&app, accounts, (&files, &store), people, (jobs, prices, providers));
    let admin = admin.of_alarms(Arc::clone(&state.alarms)).of_reload(Arc::clone(&reloader) as Arc<dyn ConfigReload>);
    let routes = routes(&app, mails.bounces, config, admin.clone());
    let close = serve_admin(&mut sets.sockets, admin, Path::new(&config.data.dir))?;
    let close_metrics = metrics.map(|metrics| metrics.serve(&mut sets.sockets, state));
    reloader.start(&mut sets.following, hangups);
    let deadline = Deadline::default();
    let stopped = deadline.begun_by(stop(&app)?, config);
    let (ended, threads) = until_stopped((front, tls), (&app, config), routes, stopped).await;
    tracing::info!(?ended, "stopped serving; settling what is left");
    sets.following.shutdown().await;
    if ended == Ended::Abandoned {
        // The time is over: the reaper ends, then the connections with their threads, and each settles its requests.
        sets.draining.shutdown().await;
        drop(threads);
    }
    drop((close, close_test, close_metrics));
    // A run goes on to its end. What takes longer is done again by the next process.
    stop_jobs.stop_by(deadline.at_least(JOBS_END));
    end_tasks(&mut sets, &deadline).await;
    drop(mails.jobs);
    let drained = settled(app, of_modes.iter().flatten(), sets.draining, &deadline).await?;
    tracing::info!(clean = drained && ended == Ended::Drained, "stopped");
    Ok(ExitCode::SUCCESS)
}

/// Waits for the end of sockets and tasks. Both at once: an operator may wait for a job, and the end of the process for the slower of
/// the two only. Other processes are told of changes meanwhile, and of the last one after it.
async fn end_tasks(sets: &mut TaskSets, deadline: &Deadline) {
    let (sockets, tasks) = (ended_all(&mut sets.sockets), ended_all(&mut sets.tasks));
    let all_ended = async {
        tokio::join!(sockets, tasks);
    };
    cluster::tell_until(&sets.feeds, all_ended, || deadline.at_least(JOBS_END)).await;
}

/// Starts what serves test keys, where there is test mode.
async fn start_test(
    test: Option<BuiltTest>,
    config: &Config,
    (sets, jobs_stopped): (&mut TaskSets, Option<StopSignal>),
) -> Result<(Option<oneshot::Sender<()>>, Option<ModeParts>), StartError> {
    let Some(test) = test else { return Ok((None, None)) };
    let (close, mode) = test.start(config, (sets, jobs_stopped)).await?;
    Ok((Some(close), Some(mode)))
}

/// Runs the jobs until they are stopped; not at all without a signal to stop by.
fn begin(tasks: &mut JoinSet<()>, jobs: &Arc<Jobs>, stopped: Option<StopSignal>) {
    if let Some(stopped) = stopped {
        let running = Arc::clone(jobs);
        tasks.spawn(async move { running.run(stopped).await });
    }
}

/// Follows the processes that share the data.
async fn follow(shared: Shared, app: &App, (prices, reloader): (&Arc<Prices>, &Arc<Reloader>), sets: &mut TaskSets) {
    cluster::share(&app.gateway).await;
    let (prices, reloader) = (Arc::clone(prices), Arc::clone(reloader));
    shared.start(sets, move |change| take(Arc::clone(&prices), Arc::clone(&reloader), change));
}

/// Takes over prices after a change of another process, and the config after one of its config; whether the prices are those in force.
async fn take(prices: Arc<Prices>, reloader: Arc<Reloader>, change: Change) -> bool {
    let adopted = prices.adopt().await;
    if let Err(error) = &adopted {
        tracing::error!(%error, "the price book in force cannot be taken over yet; the one before is sold by");
    }
    if change == Change::Config {
        reloader.follow().await;
    }
    adopted.is_ok()
}

/// Settles what is left, and closes ledgers and files; whether all of it had ended in its time.
async fn settled(
    app: Arc<App>,
    of_modes: impl Iterator<Item = &Arc<Files>>,
    draining: JoinSet<()>,
    deadline: &Deadline,
) -> Result<bool, StartError> {
    let ledgers = ledgers(&app);
    // The reaper ends with the gateway, once the last detached request is settled. At the time limit it settles all of
    // them with the usage known so far.
    drop(app);
    let is_drained = drained(draining, deadline).await;
    closed(ledgers, of_modes, deadline).await?;
    Ok(is_drained)
}

/// Takes requests until the process is told to stop. A worker waits for that only.
async fn until_stopped(
    (front, tls): (Option<Front>, Option<Arc<LiveCertificate>>),
    (app, config): (&App, &Config),
    routes: Routes,
    stopped: impl Future<Output = ()>,
) -> (Ended, Option<WorkerPool>) {
    let Some(Front { listener, threads }) = front else {
        announce_jobs();
        stopped.await;
        return (Ended::Drained, None);
    };
    announce(app, &config.server.listen);
    let listening = Listening { listener, tls };
    (serve(listening, routes, limits(config), threads.workers(), stopped).await, Some(threads))
}

/// What answers operators about these accounts and people.
fn admin_of(
    app: &Arc<App>,
    accounts: Arc<Accounts>,
    (files, store): (&Files, &Arc<dyn Store>),
    (privacy, exporter): (Arc<Privacy>, Arc<Exporter>),
    (jobs, prices, providers): (Arc<Jobs>, Arc<Prices>, Arc<ProviderReconciliation>),
) -> Admin {
    files
        .shown_by(Admin::new(accounts, app.settings.credit_price), (app.gateway.ledger(), store))
        .of_purchases(app.payments.as_ref().map(|payments| Arc::clone(&payments.purchases)))
        .of_privacy(privacy, exporter)
        .of_access(Arc::clone(app.gateway.access()))
        .of_jobs(jobs)
        .of_prices(prices)
        .of_providers(providers)
}

/// What metrics tell of the state, without test mode.
fn state_of(
    config: &Config,
    app: &Arc<App>,
    (store, sends_mails): (&Arc<dyn Store>, bool),
    (jobs, prices, providers): (&Arc<Jobs>, &Arc<Prices>, &Arc<ProviderReconciliation>),
) -> StateParts {
    let sold = app.payments.iter().flat_map(|_| config.payments.currencies());
    StateParts {
        live: ModeParts { gateway: Arc::downgrade(&app.gateway), jobs: Arc::clone(jobs) },
        test: None,
        backlogs: store.clone(),
        prices: Arc::clone(prices),
        providers: Arc::clone(providers),
        sends_mails,
        currencies: sold.map(|currency| currency.code).collect(),
        clock: Arc::new(SystemClock),
    }
}

/// The ledgers of both modes.
fn ledgers(app: &App) -> Vec<AnyLedger> {
    let test = app.test.as_ref().map(|test| test.app().gateway.ledger());
    [Some(app.gateway.ledger()), test].into_iter().flatten().cloned().collect()
}

/// Waits until all decisions are on disk or in the database, and leaves the files whole.
async fn closed(
    ledgers: Vec<AnyLedger>,
    of_modes: impl Iterator<Item = &Arc<Files>>,
    deadline: &Deadline,
) -> Result<(), StartError> {
    for ledger in ledgers {
        ledger.flush().await?;
        if let AnyLedger::Shared(ledger) = ledger {
            // Requests that have just ended may have sent what nobody waits for.
            let sent = tokio::time::timeout_at(deadline.at_least(JOBS_END), ledger.close());
            if sent.await.is_err() {
                tracing::warn!(
                    "the database did not take the last decisions in time; holds that are left end by themselves"
                );
            }
        }
    }
    for files in of_modes {
        files.close().await;
    }
    Ok(())
}

/// Tells the log what is served, and the service manager that it is.
fn announce(app: &App, listen: &str) {
    let catalog = app.gateway.catalog();
    let (models, price_book) = (catalog.models().len(), catalog.version());
    tracing::info!(models, %price_book, listen, "serving");
    service_manager::serves();
}

/// Tells the log that jobs run, and the service manager that the process does.
fn announce_jobs() {
    tracing::info!("running the jobs");
    service_manager::serves();
}

/// Serves the admin socket until what is returned is dropped.
fn serve_admin(sockets: &mut JoinSet<()>, admin: Admin, dir: &Path) -> Result<oneshot::Sender<()>, StartError> {
    let socket = AdminSocket::bind(dir)?;
    let (close, closing) = oneshot::channel::<()>();
    sockets.spawn(socket.serve(admin, async move {
        let _closed_or_dropped = closing.await;
    }));
    Ok(close)
}

async fn ended_all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

/// Waits for what still runs until the deadline, and ends the rest; whether nothing was left.
async fn drained(mut draining: JoinSet<()>, deadline: &Deadline) -> bool {
    let all = async { while draining.join_next().await.is_some() {} };
    let drained = tokio::time::timeout_at(deadline.at(), all).await.is_ok();
    draining.shutdown().await;
    drained
}

/// The routes and the operator's pages, with a route for mails that came back where its secret is set.
fn routes(app: &Arc<App>, bounces: Option<Arc<Bounces>>, config: &Config, admin: Admin) -> Routes {
    let routes = service(Arc::clone(app)).with_operator(OperatorApp::new(Arc::clone(app), admin));
    match bounces {
        Some(bounces) => routes.with_bounces(bounces),
        None if config.email.transport == MailTransport::Resend => {
            tracing::warn!("there is no POST /webhooks/resend: email.webhook_secret is not set");
            routes
        }
        None => routes,
    }
}

/// The deadline for everything to end, set when the process is told to stop.
#[derive(Clone, Default)]
struct Deadline(Rc<Cell<Option<Instant>>>);

impl Deadline {
    async fn begun_by(&self, stop: impl Future<Output = ()>, config: &Config) {
        stop.await;
        self.0.set(Some(Instant::now() + Duration::from_millis(config.server.shutdown_ms)));
    }

    fn at(&self) -> Instant {
        self.0.get().unwrap_or_else(Instant::now)
    }

    /// The same, and so much from now at least.
    fn at_least(&self, time: Duration) -> Instant {
        self.at().max(Instant::now() + time)
    }
}

/// Hangups: their default action would end the process with requests unsettled.
pub(crate) fn hangups() -> Result<Signal, StartError> {
    signal(SignalKind::hangup()).map_err(|source| StartError::Io { what: "signals".to_owned(), source })
}

/// Resolves when the process is told to stop. Signals are heard from the call on, which therefore is before anyone is told that
/// the process serves.
fn stop(app: &Arc<App>) -> Result<impl Future<Output = ()> + use<>, StartError> {
    let wrong = |source| StartError::Io { what: "signals".to_owned(), source };
    let mut terminate = signal(SignalKind::terminate()).map_err(wrong)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(wrong)?;
    let app = Arc::downgrade(app);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        service_manager::ends();
        if let Some(app) = app.upgrade() {
            app.ready.store(false, Ordering::Relaxed);
        }
    })
}

fn limits(config: &Config) -> Limits {
    Limits {
        connections_max: machine::connections(config.server.connections_max),
        connections_of_address_max: config.server.connections_per_address_max,
        trusted_proxies: config.server.trusted_proxies.clone(),
        proxy_protocol_from: config.server.proxy_protocol_from.clone(),
        header_bytes_max: config.server.header_bytes_max,
        header_read: Duration::from_millis(config.server.header_read_ms),
        write: Duration::from_millis(config.server.write_ms),
        shutdown: Duration::from_millis(config.server.shutdown_ms),
    }
}
