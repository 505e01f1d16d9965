//! From an outcome to a charge: priced, captured with its usage record, once.

use super::estimate::metered;
use super::health::HealthTracker;
use super::{Gateway, PreparedUpstream};
use crate::books;
use crate::config::Ack;
use crate::fault::Fault;
use crate::keyring::Spender;
use crate::record::{AttemptRecord, GenerationRecord, Line, SideBill, UsageSource, name_of_peer};
use opencredits_catalog::{Bill, Catalog, Charge, Density, Model, Terms};
use opencredits_ledger::{Capture, Durable, Leg, OnShortfall};
use opencredits_providers::{
    Dialect, InputSeen, Origin, Outcome, RequestFacts, StopBilling, StreamAdapter, Trust, UsageChunk, translate_body,
};
use opencredits_units::{BasisPoints, Bucket, EntryId, GenerationId, NanoUsd, PicoUsd, Tokens, UnixMs, Usage};
use std::sync::Arc;

/// What a request was charged, for its answer.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The generation.
    pub generation: GenerationId,
    /// Its record.
    pub record: GenerationRecord,
    /// What was collected.
    pub charged: NanoUsd,
    /// What is available afterwards.
    pub remaining: NanoUsd,
}

/// A booked charge.
pub(super) struct Settled {
    pub(super) receipt: Receipt,
    /// Where the config asks for it: resolves when the charge is on disk.
    pub(super) durable: Option<Durable>,
}

/// How the answer is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Streamed,
}

/// What a request asks for, as far as its bill depends on it.
#[derive(Clone)]
pub(super) struct RequestTerms {
    pub(super) seen: InputSeen,
    pub(super) tier: Option<String>,
    /// Whether the model may think.
    thinks: bool,
    /// Whether what is written to a cache is to stay there for an hour.
    caches_for_hour: bool,
}

impl RequestTerms {
    pub(super) fn of(facts: &RequestFacts) -> Self {
        let caches_for_hour = facts.caches_for_hour();
        Self { seen: facts.seen, tier: facts.tier.clone(), thinks: facts.thinks, caches_for_hour }
    }
}

/// An open request: everything that its settlement will need. One that is dropped unsettled releases its hold.
pub(super) struct OpenRequest {
    pub(super) gateway: Arc<Gateway>,
    pub(super) spender: Arc<Spender>,
    pub(super) model: Arc<Model>,
    /// The place of the model's route.
    pub(super) place: usize,
    pub(super) upstream: Arc<PreparedUpstream>,
    pub(super) health: Arc<HealthTracker>,
    pub(super) generation: GenerationId,
    pub(super) held: NanoUsd,
    pub(super) started: UnixMs,
    /// When it went to the provider that is asked now.
    pub(super) sent: UnixMs,
    pub(super) first_byte: Option<UnixMs>,
    pub(super) request_terms: RequestTerms,
    pub(super) delivery: Delivery,
    /// What the client speaks.
    pub(super) dialect: Dialect,
    /// Tools that the client wants called with free text.
    pub(super) custom_tools: Vec<String>,
    pub(super) cancelled: bool,
    pub(super) is_settled: bool,
    /// Exchanges that came to nothing.
    pub(super) failed_attempts: Vec<AttemptRecord>,
}

/// A priced outcome.
struct Priced {
    source: UsageSource,
    bill: Bill,
    side_bills: Vec<SideBill>,
    cost: PicoUsd,
}

impl OpenRequest {
    /// The first byte of the answer is there.
    pub(super) fn first_byte(&mut self) {
        if self.first_byte.is_none() {
            self.first_byte = Some(self.gateway.ports.clock.now());
        }
    }

    pub(super) fn client_gone(&mut self) {
        self.cancelled = true;
    }

    /// What an answer passes through on its candidate to the client.
    pub(super) fn passage(&self, usage_chunk: UsageChunk) -> StreamAdapter {
        StreamAdapter::new(self.upstream.dialect, self.dialect, self.origin(), usage_chunk)
    }

    fn origin(&self) -> Origin {
        let (vendor, created) = (self.upstream.vendor.id.to_string(), self.started.get().div_euclid(1_000));
        Origin { vendor, created, custom_tools: self.custom_tools.clone() }
    }

    /// A whole answer in the client's dialect; `None` where that is the provider's.
    pub(super) fn translated(&self, body: &[u8], outcome: &Outcome) -> Option<Vec<u8>> {
        let from = self.upstream.dialect;
        let usage = outcome.usage.unwrap_or_default();
        if from == self.dialect {
            return None;
        }
        translate_body(from, self.dialect, body, &usage, &self.origin())
    }

    pub(super) fn stop_ends_billing(&self) -> bool {
        self.upstream.vendor.stop_billing == StopBilling::Ends
    }

    /// Whether the model may have used more than can be seen of its answer.
    pub(super) fn may_think(&self) -> bool {
        self.request_terms.thinks && self.model.supports.iter().any(|what| what == "reasoning")
    }

    /// Prices the outcome and captures the charge.
    pub(super) fn settle(mut self, outcome: &Outcome) -> Result<Settled, Fault> {
        let now = self.gateway.ports.clock.now();
        let priced = self.price(outcome)?;
        let terms = self.terms();
        let mut charge = terms.charge(priced.cost).ok_or(Fault::Overflow)?;
        if priced.source == UsageSource::Estimated && charge.total > self.held {
            charge = terms.charge(terms.cost_within(self.held)).ok_or(Fault::Overflow)?;
        }
        let record = self.record(outcome, priced, (terms, charge), now);
        self.warn_of(&record);
        self.tell_health(outcome, now);
        let memo = record.to_memo()?;
        let legs = self.legs(&charge);
        let capture = Capture {
            hold: self.generation.cast::<opencredits_units::Entry>(),
            legs: &legs,
            bad_debt: books::BAD_DEBT,
            memo: &memo,
        };
        let accepted = self.gateway.ledger.capture(capture, now)?;
        let durable = (self.gateway.settings.ack == Ack::Durable).then(|| accepted.durable());
        let captured = accepted.accepted();
        self.is_settled = true;
        self.gateway.tally.add(record.key, now, captured.collected);
        let receipt =
            Receipt { generation: self.generation, record, charged: captured.collected, remaining: captured.available };
        Ok(Settled { receipt, durable })
    }

    /// An answer counts once it is whole: a provider that begins well and breaks off has failed.
    fn tell_health(&self, outcome: &Outcome, now: UnixMs) {
        let first_byte = self.first_byte.unwrap_or(now);
        if outcome.is_final() {
            self.health.served(first_byte.ms_since(self.sent));
            // The first byte of an answer that is not streamed says nothing of how fast it was made.
            if self.delivery == Delivery::Streamed {
                let produced = outcome.usage.and_then(|usage| usage.output_total()).map_or(0, Tokens::get);
                self.health.produced(produced, now.ms_since(first_byte));
            }
        } else if !self.cancelled {
            self.health.failed(now);
        }
    }

    fn terms(&self) -> Terms {
        let partner_share = self.spender.earner.map_or(BasisPoints::ZERO, |earner| earner.share);
        Terms { markup: self.gateway.settings.markup, partner_share }
    }

    /// What is owed is owed in full; the partner earns on what was collected.
    fn legs(&self, charge: &Charge) -> Vec<Leg> {
        let leg = |to, amount, on_shortfall| Leg { to, amount, on_shortfall };
        let mut legs = vec![
            leg(books::PROVIDERS, charge.cost, OnShortfall::Full),
            leg(books::REVENUE, charge.margin, OnShortfall::Proportional),
        ];
        if let Some(earner) = self.spender.earner {
            legs.push(leg(earner.account, charge.commission, OnShortfall::Proportional));
        }
        legs
    }

    fn price(&self, outcome: &Outcome) -> Result<Priced, Fault> {
        let nothing = |source| Priced { source, bill: Bill::default(), side_bills: vec![], cost: PicoUsd::ZERO };
        if outcome.is_empty() {
            return Ok(nothing(UsageSource::NothingProduced));
        }
        if outcome.trust == Trust::Contradictory {
            return Ok(nothing(UsageSource::Quarantined));
        }
        let (source, mut usage) = metered(outcome, self.request_terms.seen, Density::of(&self.model));
        // Where the provider does not say how long, it is as long as was asked for.
        if let Some(written) = usage.take(Bucket::CacheWriteOther) {
            let bucket =
                if self.request_terms.caches_for_hour { Bucket::CacheWrite1h } else { Bucket::CacheWriteOther };
            usage.set(bucket, usage.count(bucket).checked_add(written).ok_or(Fault::Overflow)?);
        }
        let tier = outcome.service_tier.as_deref().or(self.request_terms.tier.as_deref());
        let bill =
            self.model.route_at(self.place).card.price(&usage, tier).map_err(crate::fault::RequestFault::from)?;
        let mut cost = bill.cost;
        let mut side_bills = Vec::new();
        for (model, usage) in &outcome.additional {
            let side = self.side_bill(&self.gateway.catalog, model, usage)?;
            cost = cost.checked_add(side.1).ok_or(Fault::Overflow)?;
            side_bills.push(side.0);
        }
        Ok(Priced { source, bill, side_bills, cost })
    }

    /// A part that ran on another model is billed on that one; on the request's own where the book lacks it.
    fn side_bill(&self, catalog: &Catalog, name: &str, usage: &Usage) -> Result<(SideBill, PicoUsd), Fault> {
        let model = catalog.resolve(name).unwrap_or(&self.model);
        let bill = model.route.card.price(usage, None).map_err(crate::fault::RequestFault::from)?;
        Ok((SideBill { model: model.id.to_string(), lines: lines(&bill) }, bill.cost))
    }

    fn record(
        &mut self,
        outcome: &Outcome,
        priced: Priced,
        (terms, charge): (Terms, Charge),
        now: UnixMs,
    ) -> GenerationRecord {
        let ms = |at: UnixMs| u32::try_from(at.ms_since(self.started)).unwrap_or(u32::MAX);
        let peer = |name: &Option<String>| name_of_peer(name.as_deref().unwrap_or_default());
        GenerationRecord {
            key: self.spender.key,
            api: self.dialect,
            model: self.model.id.to_string(),
            vendor: self.upstream.vendor.id.to_string(),
            upstream_id: peer(&outcome.upstream_id),
            native_finish: name_of_peer(outcome.finish.as_ref().map_or("", |finish| &finish.native)),
            tier: peer(&outcome.service_tier),
            price_book: self.gateway.catalog.version(),
            streamed: self.delivery == Delivery::Streamed,
            cancelled: self.cancelled,
            source: priced.source,
            latency_ms: ms(self.first_byte.unwrap_or(now)),
            duration_ms: ms(now),
            lines: lines(&priced.bill),
            side_bills: priced.side_bills,
            markup: terms.markup,
            partner_share: terms.partner_share,
            cost: charge.cost,
            total: charge.total,
            failed_attempts: std::mem::take(&mut self.failed_attempts),
        }
    }

    fn warn_of(&mut self, record: &GenerationRecord) {
        let (generation, vendor, model) = (self.generation, &*self.upstream.vendor.id, &*self.model.id);
        match record.source {
            UsageSource::Reported | UsageSource::NothingProduced => {}
            UsageSource::Estimated if self.cancelled => {}
            UsageSource::Estimated => {
                tracing::warn!(%generation, vendor, model, "the provider reported no usage; the charge is estimated");
            }
            UsageSource::Quarantined => {
                tracing::error!(%generation, vendor, model, "the provider's counts contradict each other; nothing was charged");
            }
        }
    }
}

/// Nothing was used, or nobody can say what.
impl Drop for OpenRequest {
    fn drop(&mut self) {
        if !self.is_settled {
            let (id, now) = (self.generation.cast(), self.gateway.ports.clock.now());
            if let Err(error) = self.gateway.ledger.void(id, now).map(opencredits_ledger::Accepted::accepted) {
                tracing::error!(generation = %self.generation, %error, "a hold could not be released; it will be, once the ledger is sound");
            }
        }
        self.gateway.open.lock().remove(&self.generation);
    }
}

fn lines(bill: &Bill) -> Vec<Line> {
    bill.lines.iter().map(|line| Line::new(line.item, line.quantity, line.rate)).collect()
}

/// The id that a generation's hold and entry have.
pub(super) fn entry_id(generation: GenerationId) -> EntryId {
    generation.cast()
}
