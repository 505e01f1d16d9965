//! The metrics of the process, and the listener that tells them.

use crate::error::StartError;
use crate::readings::Readings;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use opencredits_api::{AdminListener, Expose};
use opencredits_service::alarms::Alarms;
use opencredits_service::config::{Config, SecretText, admin_token};
use opencredits_service::telemetry::{Kind, describe_all, families};
use std::io::ErrorKind;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinSet;

/// How often recorded values are moved into the buckets of their histograms; what is recorded meanwhile takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// The recorder of the process, and the listener that tells what it has.
pub(crate) struct Metrics {
    handle: PrometheusHandle,
    listener: TcpListener,
    token: Option<SecretText>,
}

/// What a scrape reads besides what was recorded.
pub(crate) struct State {
    pub(crate) readings: Arc<Readings>,
    pub(crate) alarms: Arc<Alarms>,
}

/// A recorder that is being made. It measures the clock of the processor against the system's for some milliseconds, in which
/// the process can start otherwise.
pub(crate) struct Making(JoinHandle<Result<PrometheusRecorder, BuildError>>);

impl Making {
    /// Begins.
    pub(crate) fn begin() -> std::io::Result<Self> {
        std::thread::Builder::new().name("recorder".to_owned()).spawn(recorder).map(Self)
    }
}

/// The listener, and what a scrape must show.
pub(crate) struct Bound {
    listener: TcpListener,
    token: Option<SecretText>,
}

/// Binds the admin listener; `None` where the config has none.
pub(crate) async fn bind(config: &mut Config, variables: &[(String, String)]) -> Result<Option<Bound>, StartError> {
    let token = admin_token(&config.admin, variables)?;
    Ok(listener(config).await?.map(|listener| Bound { listener, token }))
}

impl Bound {
    /// Waits for the recorder and installs it. To be called once, before anything records.
    pub(crate) fn install(self, making: Making) -> Result<Metrics, StartError> {
        let Self { listener, token } = self;
        let recorder = making.0.join().map_err(|_| StartError::Thread)??;
        let handle = recorder.handle();
        // It fails where there is one already, and a process has one.
        metrics::set_global_recorder(recorder).map_err(|_| StartError::Recorder)?;
        describe_all();
        Ok(Metrics { handle, listener, token })
    }
}

/// Binds the listener. The default address may be another gateway's: that one is told of, and this one goes on without
/// metrics.
async fn listener(config: &mut Config) -> Result<Option<TcpListener>, StartError> {
    if !config.admin.is_on() {
        return Ok(None);
    }
    let listen = config.admin.listen.clone();
    let wrong = |source| StartError::Io { what: format!("the address {listen} (admin.listen)"), source };
    match TcpListener::bind(&listen).await {
        Ok(listener) => {
            config.admin.listen = listener.local_addr().map_err(wrong)?.to_string();
            tracing::info!(admin_listen = config.admin.listen, "metrics can be scraped");
            Ok(Some(listener))
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse && config.admin.is_default() => {
            tracing::warn!(listen, "no metrics: the address of the admin listener is taken; set admin.listen");
            Ok(None)
        }
        Err(error) => Err(wrong(error)),
    }
}

/// A recorder with the buckets of each histogram.
fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for family in families::ALL {
        if let Kind::Histogram(buckets) = family.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(family.name.to_owned()), buckets)?;
        }
    }
    Ok(builder.build_recorder())
}

impl Metrics {
    /// Serves until what is returned is dropped.
    pub(crate) fn serve(self, tasks: &mut JoinSet<()>, state: State) -> oneshot::Sender<()> {
        let (close, closing) = oneshot::channel::<()>();
        let Self { handle, listener, token } = self;
        let exposed = Exposed { handle: handle.clone(), state, one: Mutex::default() };
        let admin = AdminListener::new(Arc::new(exposed), token.as_ref().map(SecretText::reveal));
        tasks.spawn(async move {
            let closed = async {
                let _closed_or_dropped = closing.await;
            };
            tokio::select! {
                () = admin.serve(listener, closed) => {}
                () = upkeep(handle) => {}
            }
        });
        close
    }
}

async fn upkeep(handle: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        let handle = handle.clone();
        let _done_or_ending = tokio::task::spawn_blocking(move || handle.run_upkeep()).await;
    }
}

/// What was recorded, and the state of now.
struct Exposed {
    handle: PrometheusHandle,
    state: State,
    /// One scrape at a time.
    one: Mutex<()>,
}

#[async_trait::async_trait]
impl Expose for Exposed {
    async fn text(&self) -> String {
        let _one = self.one.lock().await;
        let State { readings, alarms } = &self.state;
        let mut samples = readings.samples().await;
        alarms.sample(&mut samples);
        let handle = self.handle.clone();
        let text = tokio::task::spawn_blocking(move || {
            let mut text = handle.render();
            // A recorder of its own for the state: a series that is gone, such as that of a route, must not stay.
            let state = PrometheusBuilder::new().build_recorder();
            let state_handle = state.handle();
            metrics::with_local_recorder(&state, || {
                describe_all();
                samples.record();
            });
            text.push_str(&state_handle.render());
            text
        });
        text.await.unwrap_or_default()
    }
}
