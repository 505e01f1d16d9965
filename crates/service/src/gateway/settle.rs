//! Settlement: prices the outcome of a request and captures the charge with its usage record, once.

use super::estimate::metered;
use super::open_request::{Delivery, OpenRequest};
use crate::books;
use crate::config::Ack;
use crate::fault::Fault;
use crate::record::{GenerationRecord, Line, SideBill, UsageSource, name_of_peer};
use opencredits_catalog::{Bill, Charge, Density, Terms};
use opencredits_ledger::{Capture, Durable, Leg, OnShortfall};
use opencredits_providers::{Outcome, Trust};
use opencredits_units::{BasisPoints, Bucket, GenerationId, NanoUsd, PicoUsd, Tokens, UnixMs, Usage};

/// The charge of a request, for its answer.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The generation.
    pub generation: GenerationId,
    /// Its usage record.
    pub record: GenerationRecord,
    /// The amount collected.
    pub charged: NanoUsd,
    /// The balance available afterwards.
    pub remaining: NanoUsd,
}

/// A booked charge.
pub(super) struct Settled {
    pub(super) receipt: Receipt,
    /// Resolves when the charge is on disk, where the config asks for that.
    pub(super) durable: Option<Durable>,
}

/// A priced outcome.
struct Priced {
    source: UsageSource,
    bill: Bill,
    side_bills: Vec<SideBill>,
    cost: PicoUsd,
}

/// A charge and the terms that it follows from.
struct Charged {
    terms: Terms,
    charge: Charge,
}

impl OpenRequest {
    /// Prices the outcome and captures the charge.
    pub(super) fn settle(mut self, outcome: &Outcome) -> Result<Settled, Fault> {
        let now = self.gateway.ports.clock.now();
        let priced = self.price(outcome)?;
        let terms = self.terms();
        let mut charge = terms.charge(priced.cost).ok_or(Fault::Overflow)?;
        if priced.source == UsageSource::Estimated && charge.total > self.held {
            charge = terms.charge(terms.cost_within(self.held)).ok_or(Fault::Overflow)?;
        }
        let record = self.record(outcome, priced, Charged { terms, charge }, now);
        self.log_source(&record);
        self.record_health(outcome, now);
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

    /// An answer counts as served once it is complete: a provider that breaks off has failed.
    fn record_health(&self, outcome: &Outcome, now: UnixMs) {
        let first_byte = self.first_byte.unwrap_or(now);
        if outcome.is_final() {
            self.health.served(first_byte.ms_since(self.sent));
            // An answer that is not streamed comes at once: its first byte says nothing about the output speed.
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

    /// The provider's cost is booked in full; revenue and commission are shares of what was collected.
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
        let (source, mut usage) = metered(outcome, self.request_terms.input_amount, Density::of(&self.model));
        // Where the provider does not report the lifetime of a cache write, the requested lifetime applies.
        if let Some(written) = usage.take(Bucket::CacheWriteOther) {
            let bucket =
                if self.request_terms.caches_for_hour { Bucket::CacheWrite1h } else { Bucket::CacheWriteOther };
            usage.set(bucket, usage.count(bucket).checked_add(written).ok_or(Fault::Overflow)?);
        }
        let tier = outcome.service_tier.as_deref().or(self.request_terms.tier.as_deref());
        let bill =
            self.model.route_at(self.route_index).card.price(&usage, tier).map_err(crate::fault::RequestFault::from)?;
        let mut cost = bill.cost;
        let mut side_bills = Vec::new();
        for (model, usage) in &outcome.additional {
            let side = self.side_bill(model, usage)?;
            cost = cost.checked_add(side.1).ok_or(Fault::Overflow)?;
            side_bills.push(side.0);
        }
        Ok(Priced { source, bill, side_bills, cost })
    }

    /// A part that ran on another model is priced as that model; as the request's own where the price book lacks it.
    fn side_bill(&self, name: &str, usage: &Usage) -> Result<(SideBill, PicoUsd), Fault> {
        let model = self.gateway.catalog.resolve(name).unwrap_or(&self.model);
        let bill = model.route.card.price(usage, None).map_err(crate::fault::RequestFault::from)?;
        Ok((SideBill { model: model.id.to_string(), lines: lines(&bill) }, bill.cost))
    }

    fn record(&mut self, outcome: &Outcome, priced: Priced, charged: Charged, now: UnixMs) -> GenerationRecord {
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
            markup: charged.terms.markup,
            partner_share: charged.terms.partner_share,
            cost: charged.charge.cost,
            total: charged.charge.total,
            failed_attempts: std::mem::take(&mut self.failed_attempts),
        }
    }

    fn log_source(&self, record: &GenerationRecord) {
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

fn lines(bill: &Bill) -> Vec<Line> {
    bill.lines.iter().map(|line| Line::new(line.item, line.quantity, line.rate)).collect()
}
