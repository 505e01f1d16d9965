//! The gateway as an operator runs it: the binary on a folder of its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod alarm_doubles;
mod alarms;
mod alarms_of_money;
mod alarms_of_process;
mod alarms_of_requests;
mod backups;
mod check;
mod cluster;
mod cluster_faults;
mod cluster_fixture;
mod cluster_vendor;
mod database_tls;
mod dev;
mod fixture;
mod init;
mod jobs;
mod mails;
mod metrics;
mod names;
mod payments;
mod payouts;
mod prices;
mod privacy;
mod proxy_protocol;
mod released;
mod reload;
mod service_manager;
mod serving;
mod test_mode;
mod tls;
mod tls_client;
#[cfg(feature = "otel")]
mod traces;
