//! What a gateway tells of its state at a scrape.

use super::state::Gateway;
use crate::telemetry::families::{
    BODY_MEMORY, BODY_MEMORY_MAX, CACHE_ENTRIES, EXPOSURE, HELD, HOLDS_OPEN, LEDGER_ACCOUNTS, LEDGER_COMMITS,
    LEDGER_SOUND, LEDGER_UNFLUSHED, MODELS, REQUESTS_OPEN, ROUTE_FAILURES, ROUTE_OUT, VENDOR_ACCOUNTS, VENDOR_RESTING,
    VERIFY_FINDINGS,
};
use crate::telemetry::{Counts, Samples};
use opencredits_keys::Mode;
use opencredits_units::UnixMs;

impl Gateway {
    /// Adds what the gateway and its ledger are like now.
    pub async fn sample(&self, samples: &mut Samples) {
        let mode = &[self.mode().name()];
        self.sample_ledger(mode, samples).await;
        self.commits.sample(samples);
        samples.count(&REQUESTS_OPEN, mode, self.open.lock().len());
        samples.amount(&EXPOSURE, mode, self.exposures.total());
        samples.count(&BODY_MEMORY, mode, self.memory.reserved());
        samples.count(&BODY_MEMORY_MAX, mode, self.memory.max());
        let caches = [
            ("keys", self.keyring.cached()),
            ("conversations", self.sticky.entry_count()),
            ("overruns", self.overruns.entry_count()),
        ];
        for (cache, entries) in caches {
            samples.count(&CACHE_ENTRIES, &[self.mode().name(), cache], entries);
        }
        // Test mode has the same models, and no vendors.
        if self.mode() == Mode::Live {
            samples.count(&MODELS, &[], self.catalog().models().len());
            self.sample_vendors(samples);
        }
    }

    /// What requests of the live mode and commits have counted since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts { commits: self.commits.counted(), ..self.meters.tally.counts() }
    }

    async fn sample_ledger(&self, mode: &[&str], samples: &mut Samples) {
        let ledger = &self.ledger;
        samples.count(&LEDGER_SOUND, mode, u64::from(ledger.is_sound()));
        if let Some(findings) = ledger.last_findings() {
            samples.count(&VERIFY_FINDINGS, mode, findings);
        }
        // A database that is away has no figures; that it is away is told above.
        if let (Ok(stats), Ok(held)) = (ledger.stats().await, ledger.held().await) {
            samples.count(&LEDGER_ACCOUNTS, mode, stats.accounts);
            samples.count(&LEDGER_COMMITS, mode, stats.commits);
            samples.count(&LEDGER_UNFLUSHED, mode, stats.unflushed);
            samples.count(&HOLDS_OPEN, mode, stats.holds);
            samples.amount(&HELD, mode, held);
        }
    }

    fn sample_vendors(&self, samples: &mut Samples) {
        let now: UnixMs = self.ports.clock.now();
        let served = self.served.load_full();
        for (vendor, upstreams) in served.upstreams.iter() {
            // An account rests in the dialect in which it was refused.
            let counts = upstreams.iter().map(|upstream| upstream.accounts_and_resting(now));
            let (accounts, resting) =
                counts.fold((0, 0), |(all, most), (accounts, resting)| (accounts.max(all), resting.max(most)));
            samples.count(&VENDOR_ACCOUNTS, &[vendor], accounts);
            samples.count(&VENDOR_RESTING, &[vendor], resting);
        }
        for model in self.catalog().models() {
            for (route, _, health) in self.route_health(model) {
                if health.uptime.is_some() {
                    let labels = &[&*model.id, &*route.vendor];
                    samples.count(&ROUTE_OUT, labels, u64::from(health.is_out));
                    samples.count(&ROUTE_FAILURES, labels, health.failures_in_row);
                }
            }
        }
    }
}
