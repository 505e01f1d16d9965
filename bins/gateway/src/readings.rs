//! The state of the process and of its machine, as scrapes and alarms read it.

use crate::process::Process;
use async_trait::async_trait;
use opencredits_api::LiveCertificate;
use opencredits_service::alarms::AlarmSource;
use opencredits_service::telemetry::families::TLS_NOT_AFTER;
use opencredits_service::telemetry::{Counts, Samples, StateReader};
use std::sync::Arc;

/// What there is to read.
pub(crate) struct Readings {
    pub(crate) reader: StateReader,
    pub(crate) process: Process,
    /// The certificate of the listener, where it has one.
    pub(crate) certificate: Option<Arc<LiveCertificate>>,
}

impl Readings {
    /// The values of now.
    pub(crate) async fn samples(&self) -> Samples {
        let mut samples = self.reader.read().await;
        self.process.sample(&mut samples);
        if let Some(certificate) = &self.certificate {
            samples.ms(&TLS_NOT_AFTER, &[], certificate.now().not_after().get());
        }
        samples
    }
}

#[async_trait]
impl AlarmSource for Readings {
    async fn read(&self) -> Option<(Samples, Counts)> {
        let counts = self.reader.counts()?;
        Some((self.samples().await, counts))
    }
}
