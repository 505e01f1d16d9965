//! A data folder, and the tool run on it.

use opencredits_api::admin::{Admin, AdminSocket};
use opencredits_backup::Source;
use opencredits_catalog::Catalog;
use opencredits_keys::{Mode, Secret};
use opencredits_ledger::Ledger;
use opencredits_providers::Vendors;
use opencredits_providers::http::{Client, Settings};
use opencredits_service::access::{AccessLines, AccessLog, AccessSettings};
use opencredits_service::accounts::{Accounts, Tables, TestDesk};
use opencredits_service::config::Config;
use opencredits_service::jobs::{Figures, Job, JobPorts, JobTerms, Jobs, StopSwitch};
use opencredits_service::provider_bills::{BilledVendor, ProviderReconciliation, ReconcileParts, ReconcileTerms};
use opencredits_service::{Clock, Entropy, TEST_DIR, TestLedger, UsageReads};
use opencredits_store::SqliteStore;
use opencredits_testkit::FixedRandom;
use opencredits_testkit::bills::ADMIN_KEY;
use opencredits_units::{CreditPrice, Measure, NanoUsd, UnixMs};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// The key that the tool encrypts addresses with.
pub(crate) const ADDRESS_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Who answers the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nobody: it opens the files.
    Files,
    /// A gateway, through its socket.
    Socket,
}

struct Counting(AtomicU64);

impl Clock for Counting {
    fn now(&self) -> UnixMs {
        UnixMs::new(1_790_000_000_000 + self.0.fetch_add(1, Ordering::SeqCst))
    }
}

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        FixedRandom::seeded(self.0.fetch_add(1, Ordering::SeqCst)).fill(bytes);
    }
}

/// A data folder.
pub(crate) struct Fixture {
    pub(crate) dir: PathBuf,
    /// Serves the socket until it is told to stop.
    gateway: Option<(tokio::sync::oneshot::Sender<()>, std::thread::JoinHandle<()>)>,
    /// The access log of what serves the socket.
    pub(crate) access: Arc<AccessLog>,
    _folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new(access: Access) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_owned();
        let settings = AccessSettings::new(AccessLines::Off, 1.0, CreditPrice::default());
        let log = Arc::new(AccessLog::new(settings, Mode::Live, Arc::new(Counting(AtomicU64::new(1)))));
        let gateway = (access == Access::Socket).then(|| serve(&dir, "", &log));
        Self { dir, gateway, access: log, _folder: folder }
    }

    /// Serves the socket from now on, with the bills of this vendor.
    pub(crate) fn start_gateway(&mut self, vendor_toml: &str) {
        self.gateway = Some(serve(&self.dir, vendor_toml, &self.access));
    }

    /// Ends what serves the socket, as SIGTERM does.
    pub(crate) fn stop_gateway(&mut self) {
        let (stop, thread) = self.gateway.take().unwrap();
        stop.send(()).unwrap();
        thread.join().unwrap();
    }

    /// Runs the tool.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        run(&self.dir, arguments)
    }

    /// The tool, not run yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        command(&self.dir, arguments)
    }

    /// What the tool prints for people; it must succeed.
    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What the tool prints for machines; it must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = [&["--json"], arguments].concat();
        serde_json::from_str(&self.text(&arguments)).unwrap()
    }

    /// What the tool says when it fails; it must.
    pub(crate) fn error(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// A person with so many credits.
    pub(crate) fn person(&self, label: &str, credits: &str) {
        self.text(&["user", "add", label]);
        self.text(&["credits", "grant", label, credits]);
    }
}

/// Runs the tool on a folder, with none of the caller's own settings.
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Output {
    command(dir, arguments).output().unwrap()
}

fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opencredits-admin"));
    command.env_clear().env("OPENCREDITS_PRIVACY_ADDRESS_KEYS", ADDRESS_KEY);
    command.arg("--data").arg(dir).args(arguments);
    command
}

/// A job that counts its runs, one that fails, and one that takes a second from its second run on; none is due again in a
/// test.
fn jobs(store: &SqliteStore, clock: Arc<Counting>) -> Arc<Jobs> {
    const DAY: Duration = Duration::from_secs(86_400);
    let runs = Arc::new(AtomicU64::new(0));
    let counting = Job::on(JobTerms::every(DAY, "count").that("counts"), &runs, |runs, _| async move {
        Ok(Figures::of("runs", runs.fetch_add(1, Ordering::SeqCst) + 1))
    });
    let failing = Job::on(JobTerms::every(DAY, "fail").that("fails"), &runs, |_, _| async { Err("no luck".into()) });
    let slow = Job::on(
        JobTerms::every(DAY, "slow").that("is slow"),
        &Arc::default(),
        |runs: Arc<AtomicU64>, signal| async move {
            signal.progress().begin("working slowly, steps", Measure::Count, Some(200));
            signal.progress().advance(80);
            let wait = if runs.fetch_add(1, Ordering::SeqCst) == 0 { Duration::ZERO } else { Duration::from_secs(1) };
            tokio::time::sleep(wait).await;
            Ok(Figures::default())
        },
    );
    let ports = JobPorts { leases: Arc::new(store.clone()), clock, holder: "gateway 1 at a test".to_owned() };
    Arc::new(Jobs::new(vec![failing, counting, slow], ports))
}

/// Serves the admin socket of this folder from a thread, as the gateway does.
fn serve(
    dir: &Path,
    vendor_toml: &str,
    access: &Arc<AccessLog>,
) -> (tokio::sync::oneshot::Sender<()>, std::thread::JoinHandle<()>) {
    let access = access.clone();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let (ready, served) = std::sync::mpsc::channel();
    let (dir, vendor_toml) = (dir.to_owned(), vendor_toml.to_owned());
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let ports = Arc::new(Counting(AtomicU64::new(1)));
            let ledger = Ledger::open(dir.join("ledger.db")).unwrap();
            let store = SqliteStore::open(dir.join("store.db")).unwrap();
            let clock = ports.clone();
            let accounts = Accounts::new(ledger.clone(), Tables::of(store.clone()), ports.clone(), ports.clone());
            let providers = providers(&ledger, &store, (ports.clone(), &vendor_toml));
            std::fs::create_dir(dir.join(TEST_DIR)).unwrap();
            let test_ledger = TestLedger::open(&dir, "ledger.db").unwrap();
            let test_store = SqliteStore::open(dir.join(TEST_DIR).join("store.db")).unwrap();
            let test = Accounts::of_test_mode(&test_ledger, Tables::of(test_store), ports.clone(), ports);
            test.ensure_system_accounts().await.unwrap();
            let test = Arc::new(test);
            let accounts = accounts.with_test_desk(TestDesk::new(test.clone(), NanoUsd::new(100_000_000_000)));
            let test_socket = AdminSocket::bind(&dir.join(TEST_DIR)).unwrap();
            let (_open, never) = tokio::sync::oneshot::channel::<()>();
            let serving_test = test_socket.serve(Admin::new(test, CreditPrice::default()), async move {
                let _dropped = never.await;
            });
            let files = Source { ledger, store, data: dir.clone() };
            let accounts = accounts.knowing(Catalog::builtin().unwrap().with_sandbox().unwrap());
            accounts.ensure_system_accounts().await.unwrap();
            let socket = AdminSocket::bind(&dir).unwrap();
            let (switch, signal) = StopSwitch::new();
            let jobs = jobs(&files.store, clock);
            let admin = Admin::new(Arc::new(accounts), CreditPrice::default());
            let admin = admin.of_files(files).of_jobs(jobs.clone()).of_providers(providers).of_access(access);
            let stop = async move {
                let _dropped = stopped.await;
                switch.stop_by(Instant::now());
            };
            let listening = async {
                // Each job runs once at the start, since it never ran before.
                while !are_idle(&jobs).await {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                ready.send(()).unwrap();
            };
            tokio::select! {
                ((), (), ()) = async { tokio::join!(socket.serve(admin, stop), jobs.run(signal), listening) } => {}
                () = serving_test => {}
            }
        });
    });
    served.recv().unwrap();
    (stop, thread)
}

/// Whether every job has run, and nobody has its lease.
async fn are_idle(jobs: &Jobs) -> bool {
    let listed = jobs.list().await.unwrap();
    listed.iter().all(|job| job.record.as_ref().is_some_and(|record| record.last.is_some() && record.lease.is_none()))
}

/// The comparison with the bills of these vendors, all with the double's key.
fn providers(
    ledger: &Ledger,
    store: &SqliteStore,
    (clock, vendor_toml): (Arc<Counting>, &str),
) -> Arc<ProviderReconciliation> {
    let vendors = Vendors::default().with_operator(vendor_toml).unwrap();
    let key = || Some(Secret::new(ADMIN_KEY.to_owned()));
    Arc::new(ProviderReconciliation::new(ReconcileParts {
        usage: Arc::new(UsageReads::new(ledger.clone(), Arc::new(store.clone()))),
        bills: Arc::new(store.clone()),
        get: Arc::new(Client::new(Settings::default()).unwrap()),
        clock,
        terms: ReconcileTerms {
            vendors: vendors.iter().map(|vendor| BilledVendor::new(vendor.clone(), key())).collect(),
            catalog: Catalog::empty(),
            settings: (&Config::default().reconcile).into(),
        },
    }))
}
