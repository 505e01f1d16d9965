//! Every family of metrics: name, labels, help. `docs/metrics.md` lists the same.

use super::family::{Family, Kind};

const MODEL_LABELS: &[&str] = &[
    "gen_ai_operation_name",
    "gen_ai_provider_name",
    "gen_ai_original_model",
    "gen_ai_request_model",
    "gen_ai_response_model",
];

const fn gen_ai(name: &'static str, labels: &'static [&'static str], help: &'static str, kind: Kind) -> Family {
    Family { name, kind, labels, help }
}

// Names, labels and buckets of the first four are those of the OpenTelemetry semantic conventions for generative AI
// (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/), as Envoy AI Gateway has them.

/// How long requests took.
pub const REQUEST_DURATION: Family = gen_ai(
    "gen_ai_server_request_duration_seconds",
    &[
        "gen_ai_operation_name",
        "gen_ai_provider_name",
        "gen_ai_original_model",
        "gen_ai_request_model",
        "gen_ai_response_model",
        "error_type",
    ],
    "time from the admission of a request to the last byte of its answer, in seconds",
    Kind::Histogram(&[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]),
);
/// The tokens of requests.
pub const TOKEN_USAGE: Family = gen_ai(
    "gen_ai_client_token_usage",
    &[
        "gen_ai_operation_name",
        "gen_ai_provider_name",
        "gen_ai_original_model",
        "gen_ai_request_model",
        "gen_ai_response_model",
        "gen_ai_token_type",
    ],
    "tokens of a request that were charged; cached_input and cache_creation_input are parts of input, reasoning is a part of output",
    Kind::Histogram(&[
        1.0,
        4.0,
        16.0,
        64.0,
        256.0,
        1_024.0,
        4_096.0,
        16_384.0,
        65_536.0,
        262_144.0,
        1_048_576.0,
        4_194_304.0,
        16_777_216.0,
        67_108_864.0,
    ]),
);
/// The time to the first token of a stream.
pub const FIRST_TOKEN: Family = gen_ai(
    "gen_ai_server_time_to_first_token_seconds",
    MODEL_LABELS,
    "time from the admission of a request to the first bytes of its stream, in seconds",
    Kind::Histogram(&[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]),
);
/// The time for each further token of a stream.
pub const PER_OUTPUT_TOKEN: Family = gen_ai(
    "gen_ai_server_time_per_output_token_seconds",
    MODEL_LABELS,
    "time for each output token after the first, of a complete stream, in seconds",
    Kind::Histogram(&[0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5]),
);

/// Requests for inference.
pub const REQUESTS: Family =
    Family::counter("opencredits_inference_requests_total", &["mode", "api"], "requests for inference");
/// Requests for inference that were answered with an error, or whose stream ended with one.
pub const ERRORS: Family = Family::counter(
    "opencredits_inference_errors_total",
    &["mode", "api", "error_type", "status"],
    "requests for inference that got an error, or whose stream ended with one; with the HTTP status of the error",
);
/// Settled requests, by where their usage is from.
pub const SETTLED: Family = Family::counter(
    "opencredits_inference_settled_total",
    &["mode", "usage_source"],
    "requests that were settled, by the source of their usage",
);
/// Requests whose client has left.
pub const CANCELLED: Family = Family::counter(
    "opencredits_inference_cancelled_total",
    &["mode"],
    "settled requests whose client had disconnected before their end",
);
/// Failed exchanges with vendors.
pub const VENDOR_FAILURES: Family = Family::counter(
    "opencredits_vendor_failures_total",
    &["vendor", "reason"],
    "exchanges with a vendor that failed; own_account is a refusal of our own account there",
);
/// Requests that run.
pub const REQUESTS_OPEN: Family =
    Family::gauge("opencredits_requests_open", &["mode"], "requests that have a hold and are not settled yet");
/// Streams that run.
pub const STREAMS_OPEN: Family =
    Family::gauge("opencredits_streams_open", &[], "streamed answers that clients are reading");
/// Connections.
pub const CONNECTIONS: Family =
    Family::gauge("opencredits_connections", &["state"], "connections from clients: with_key or without_key");
/// Refused connections.
pub const CONNECTIONS_REFUSED: Family = Family::counter(
    "opencredits_connections_refused_total",
    &[],
    "connections that were closed because their address has as many as it may have",
);
/// The end of the certificate.
pub const TLS_NOT_AFTER: Family = Family::gauge(
    "opencredits_tls_certificate_not_after_seconds",
    &[],
    "when the certificate of the listener expires, as a Unix time",
);

/// Whether the ledger decides.
pub const LEDGER_SOUND: Family =
    Family::gauge("opencredits_ledger_sound", &["mode"], "1 while the ledger takes commands, 0 after a failed commit");
/// Balances of the house.
pub const LEDGER_BALANCE: Family = Family::gauge(
    "opencredits_ledger_balance_usd",
    &["account"],
    "posted balance of an account of the house, in US dollars",
);
/// What people and partners have.
pub const LEDGER_CUSTOMERS: Family = Family::gauge(
    "opencredits_ledger_customers_usd",
    &[],
    "posted balances of people and partners together, in US dollars: what the house owes them",
);
/// Accounts.
pub const LEDGER_ACCOUNTS: Family = Family::gauge("opencredits_ledger_accounts", &["mode"], "accounts in the ledger");
/// Commits.
pub const LEDGER_COMMITS: Family = Family::counter(
    "opencredits_ledger_commits_total",
    &["mode"],
    "transactions that the ledger has written to its file",
);
/// Changes that wait for the disk.
pub const LEDGER_UNFLUSHED: Family = Family::gauge(
    "opencredits_ledger_unflushed_changes",
    &["mode"],
    "changes that wait for the disk; a power failure would undo them",
);
/// Findings of the last verification.
pub const VERIFY_FINDINGS: Family = Family::gauge(
    "opencredits_ledger_verify_findings",
    &["mode"],
    "differences that the last verification of the ledger found, through this process",
);
/// How far the verification is that runs.
pub const VERIFY_POSITION: Family = Family::gauge(
    "opencredits_ledger_verify_position_entries",
    &["mode"],
    "entries that the job verify-books has read in the run that is under way; 0 while none is",
);
/// The time of the last verification.
pub const VERIFY_AT: Family = Family::gauge(
    "opencredits_ledger_verify_timestamp_seconds",
    &["mode"],
    "when the ledger was last verified through this process, as a Unix time",
);
/// How long commits took.
pub const LEDGER_COMMIT: Family = Family {
    name: "opencredits_ledger_commit_duration_seconds",
    kind: Kind::Histogram(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
    labels: &["mode"],
    help: "duration of the ledger's transactions, each with its flush of the disk, in seconds",
};
/// How long a commit takes.
pub const LEDGER_COMMIT_RUNNING: Family = Family::gauge(
    "opencredits_ledger_commit_running_seconds",
    &["mode"],
    "how long the transaction takes that is being written, in seconds; 0 while none is",
);
/// Open holds.
pub const HOLDS_OPEN: Family = Family::gauge("opencredits_holds_open", &["mode"], "open holds");
/// The sum of open holds.
pub const HELD: Family = Family::gauge("opencredits_held_usd", &["mode"], "sum of open holds, in US dollars");
/// The sum of exposures.
pub const EXPOSURE: Family = Family::gauge(
    "opencredits_exposure_usd",
    &["mode"],
    "sum of the amounts by which the charges of open requests may exceed their holds, in US dollars",
);

/// Balances at the payment processor.
pub const PAYMENTS_BALANCE: Family = Family::gauge(
    "opencredits_payments_balance",
    &["account", "currency"],
    "posted balance of an account of payments, in units of its currency; clearing and suspense are zero while both books agree",
);
/// Orders of which more is expected.
pub const ORDERS_PENDING: Family = Family::gauge(
    "opencredits_orders_pending",
    &["state"],
    "orders that are still read again at the payment processor",
);
/// The order that is due for the longest time.
pub const ORDERS_OVERDUE: Family = Family::gauge(
    "opencredits_orders_overdue_seconds",
    &[],
    "how long the order is due that should have been read again first, in seconds",
);

/// Events of the payment processor.
pub const PAYMENT_EVENTS: Family = Family::counter(
    "opencredits_payment_events_total",
    &["outcome"],
    "events of the payment processor that were heard or found by reconciliation: settled, foreign (of another product, installation, account or mode), other (about no payment) or failed",
);

/// Runs of jobs.
pub const JOB_RUNS: Family = Family::counter("opencredits_job_runs_total", &["job", "outcome"], "runs of a job");
/// How long they took.
pub const JOB_DURATION: Family = Family {
    name: "opencredits_job_duration_seconds",
    kind: Kind::Histogram(&[0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3_600.0]),
    labels: &["job"],
    help: "duration of a job's runs, in seconds",
};
/// The last success of a job.
pub const JOB_LAST_SUCCESS: Family = Family::gauge(
    "opencredits_job_last_success_seconds",
    &["mode", "job"],
    "when the job last did its work, as a Unix time",
);
/// Failures of a job.
pub const JOB_FAILURES: Family =
    Family::gauge("opencredits_job_failures", &["mode", "job"], "failures of the job since its last success");
/// The interval of a job.
pub const JOB_INTERVAL: Family = Family::gauge(
    "opencredits_job_interval_seconds",
    &["mode", "job"],
    "time from the beginning of a run to that of the next, in seconds",
);
/// Since when a job runs.
pub const JOB_RUNNING: Family = Family::gauge(
    "opencredits_job_running_seconds",
    &["mode", "job"],
    "how long the run lasts that goes on, in seconds; 0 while none does",
);

/// Mails that wait.
pub const OUTBOX_WAITING: Family =
    Family::gauge("opencredits_outbox_waiting", &[], "mails that are neither sent nor given up");
/// The oldest of them.
pub const OUTBOX_OLDEST: Family = Family::gauge(
    "opencredits_outbox_oldest_seconds",
    &[],
    "age of the oldest mail that is neither sent nor given up, in seconds; 0 without one",
);

/// Accounts at vendors.
pub const VENDOR_ACCOUNTS: Family =
    Family::gauge("opencredits_vendor_accounts", &["vendor"], "our accounts at the vendor: one for each key");
/// Accounts that rest.
pub const VENDOR_RESTING: Family = Family::gauge(
    "opencredits_vendor_accounts_resting",
    &["vendor"],
    "our accounts at the vendor that are not used for a while, after they were rate-limited or refused",
);
/// Circuits of routes.
pub const ROUTE_OUT: Family = Family::gauge(
    "opencredits_route_circuit_open",
    &["model", "vendor"],
    "1 while the route is tried last, after it failed several times in a row; of routes that were used",
);
/// Failures of routes.
pub const ROUTE_FAILURES: Family = Family::gauge(
    "opencredits_route_failures_in_row",
    &["model", "vendor"],
    "failures of the route since its last answer; of routes that were used",
);
/// Models on sale.
pub const MODELS: Family = Family::gauge("opencredits_models_on_sale", &[], "models on sale");
/// The age of prices.
pub const PRICE_BOOK_AT: Family = Family::gauge(
    "opencredits_price_book_timestamp_seconds",
    &[],
    "when the price book in force was put into force or, of the compiled-in one, the day of its facts, as a Unix time",
);
/// What a provider billed less what was booked.
pub const DRIFT_USD: Family = Family::gauge(
    "opencredits_provider_drift_usd",
    &["vendor", "model", "class"],
    "what the provider billed less what was booked, of the latest compared day, in US dollars",
);
/// The same as a share.
pub const DRIFT_RATIO: Family = Family::gauge(
    "opencredits_provider_drift_ratio",
    &["vendor", "model", "class"],
    "the same as a share of the larger figure",
);

/// Entries of caches.
pub const CACHE_ENTRIES: Family =
    Family::gauge("opencredits_cache_entries", &["mode", "cache"], "entries of a cache, about");
/// Memory of bodies.
pub const BODY_MEMORY: Family =
    Family::gauge("opencredits_body_memory_bytes", &["mode"], "memory that bodies and answers have reserved, in bytes");
/// The most of it.
pub const BODY_MEMORY_MAX: Family = Family::gauge(
    "opencredits_body_memory_limit_bytes",
    &["mode"],
    "memory that bodies and answers may reserve together, in bytes",
);
/// The program.
pub const BUILD: Family = Family::gauge("opencredits_build_info", &["version"], "1, with the version of the program");
/// Memory of the process.
pub const PROCESS_MEMORY: Family =
    Family::gauge("opencredits_process_resident_memory_bytes", &[], "resident memory of the process, in bytes");
/// Processor time.
pub const PROCESS_CPU: Family =
    Family::gauge("opencredits_process_cpu_seconds", &[], "processor time that the process has used, in seconds");
/// Descriptors.
pub const PROCESS_DESCRIPTORS: Family =
    Family::gauge("opencredits_process_open_descriptors", &[], "files and sockets that the process has open");
/// The most descriptors.
pub const PROCESS_DESCRIPTORS_MAX: Family =
    Family::gauge("opencredits_process_descriptors_limit", &[], "files and sockets that the process may have open");
/// Threads.
pub const PROCESS_THREADS: Family = Family::gauge("opencredits_process_threads", &[], "threads of the process");
/// The start of the process.
pub const PROCESS_START: Family =
    Family::gauge("opencredits_process_start_time_seconds", &[], "when the process began, as a Unix time");
/// Space on the disk.
pub const DISK_FREE: Family =
    Family::gauge("opencredits_disk_free_bytes", &[], "free space of the file system with the data folder, in bytes");
/// The size of the disk.
pub const DISK_SIZE: Family =
    Family::gauge("opencredits_disk_size_bytes", &[], "size of the file system with the data folder, in bytes");
/// Jumps of the clock.
pub const CLOCK_JUMPS: Family = Family::counter(
    "opencredits_clock_jumps_total",
    &[],
    "times that the machine's clock was more than two seconds from where the time that had passed put it",
);
/// Deliveries of alarms.
pub const ALARM_DELIVERIES: Family = Family::counter(
    "opencredits_alarm_deliveries_total",
    &["channel", "outcome"],
    "notices of alarms by webhook or mail: delivered, retried after a failure, given up, or dropped because too many waited",
);
/// Alarms that fire.
pub const ALARMS_FIRING: Family = Family::gauge(
    "opencredits_alarms_firing",
    &["alarm", "severity"],
    "how many times the process's own alarm fires, each for other labels",
);
/// Parts of the state that could not be read.
pub const UNREAD: Family = Family::gauge(
    "opencredits_scrape_failures",
    &["part"],
    "1 where a part of the state could not be read in this scrape: jobs, outbox (with orders) or prices",
);

/// All families.
pub const ALL: [&Family; 64] = [
    &REQUEST_DURATION,
    &TOKEN_USAGE,
    &FIRST_TOKEN,
    &PER_OUTPUT_TOKEN,
    &REQUESTS,
    &ERRORS,
    &SETTLED,
    &CANCELLED,
    &VENDOR_FAILURES,
    &REQUESTS_OPEN,
    &STREAMS_OPEN,
    &CONNECTIONS,
    &CONNECTIONS_REFUSED,
    &TLS_NOT_AFTER,
    &LEDGER_SOUND,
    &LEDGER_BALANCE,
    &LEDGER_CUSTOMERS,
    &LEDGER_ACCOUNTS,
    &LEDGER_COMMITS,
    &LEDGER_UNFLUSHED,
    &VERIFY_FINDINGS,
    &VERIFY_POSITION,
    &VERIFY_AT,
    &LEDGER_COMMIT,
    &LEDGER_COMMIT_RUNNING,
    &HOLDS_OPEN,
    &HELD,
    &EXPOSURE,
    &PAYMENTS_BALANCE,
    &ORDERS_PENDING,
    &ORDERS_OVERDUE,
    &PAYMENT_EVENTS,
    &JOB_RUNS,
    &JOB_DURATION,
    &JOB_LAST_SUCCESS,
    &JOB_FAILURES,
    &JOB_INTERVAL,
    &JOB_RUNNING,
    &OUTBOX_WAITING,
    &OUTBOX_OLDEST,
    &VENDOR_ACCOUNTS,
    &VENDOR_RESTING,
    &ROUTE_OUT,
    &ROUTE_FAILURES,
    &MODELS,
    &PRICE_BOOK_AT,
    &DRIFT_USD,
    &DRIFT_RATIO,
    &CACHE_ENTRIES,
    &BODY_MEMORY,
    &BODY_MEMORY_MAX,
    &BUILD,
    &PROCESS_MEMORY,
    &PROCESS_CPU,
    &PROCESS_DESCRIPTORS,
    &PROCESS_DESCRIPTORS_MAX,
    &PROCESS_THREADS,
    &PROCESS_START,
    &DISK_FREE,
    &DISK_SIZE,
    &CLOCK_JUMPS,
    &ALARM_DELIVERIES,
    &ALARMS_FIRING,
    &UNREAD,
];
