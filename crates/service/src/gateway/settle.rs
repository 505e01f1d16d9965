//! Settlement: prices the outcome of a request and captures the charge with its usage record, once.

use super::booking::Booking;
use super::estimate::{estimate, measured, metered};
use super::open_request::{Delivery, OpenRequest, Progress, entry_id};
use super::plausible::{Believed, Reported};
use super::reported_cost::{Judged, judge};
use super::settling::Settling;
use crate::books;
use crate::config::Ack;
use crate::fault::{Fault, UpstreamFault, UpstreamKind};
use crate::record::{GenerationRecord, Line, SideBill, UsageSource, name_of_peer};
use opencredits_catalog::{Bill, Charge, Model, PriceCard, Terms};
use opencredits_ledger::{Capture, Leg, OnShortfall};
use opencredits_providers::{Outcome, Trust};
use opencredits_units::{BasisPoints, Bucket, NanoUsd, PicoUsd, Tokens, UnixMs, Usage};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A priced outcome.
struct Priced {
    source: UsageSource,
    bill: Bill,
    side_bills: Vec<SideBill>,
    /// `None` where it fits no integer.
    cost: Option<PicoUsd>,
    /// The reported totals, where they were not believed.
    implausible: Option<Reported>,
    /// What the vendor's own cost adds to the book's, or takes from it.
    difference: Option<PicoUsd>,
}

impl Priced {
    fn nothing(source: UsageSource) -> Self {
        let cost = Some(PicoUsd::ZERO);
        Self { source, bill: Bill::default(), side_bills: vec![], cost, implausible: None, difference: None }
    }
}

/// A charge and the terms that it follows from.
struct Charged {
    terms: Terms,
    charge: Charge,
}

impl OpenRequest {
    /// Prices the outcome and sends the charge to the ledger.
    pub(super) fn settle(mut self, outcome: &Outcome) -> Result<Settling, Fault> {
        self.charge(outcome)
    }

    /// The same, for an owner that cannot give the request away.
    pub(super) fn charge(&mut self, outcome: &Outcome) -> Result<Settling, Fault> {
        let now = self.gateway.ports.clock.now();
        let priced = self.price(outcome);
        let terms = self.terms();
        let (charge, uncapped) = self.charge_of(&priced, terms)?;
        let record = self.record(outcome, priced, Charged { terms, charge }, now);
        self.log_source(&record, uncapped);
        self.note_overrun(&record);
        self.record_health(outcome, now);
        let memo = record.to_memo()?;
        let legs = self.legs(&charge);
        let capture = Capture { hold: entry_id(self.generation), legs: &legs, bad_debt: books::BAD_DEBT, memo: &memo };
        let decision = self.gateway.ledger.capture(capture, now);
        let sent = match self.served.settings.ack {
            Ack::Durable => decision.send_durable(),
            Ack::Accepted => decision.send(),
        };
        self.progress = Progress::Settled;
        if let Some(permit) = &mut self.permit {
            let (input, output) = (record.usage().input_total(), record.usage().output_total());
            let total = |side: Option<Tokens>| side.map_or(0, Tokens::get);
            permit.settle(total(input).saturating_add(total(output)));
        }
        self.measure((record.usage(), self.error_of(outcome)), now);
        let booking = Booking {
            gateway: Arc::clone(&self.gateway),
            spender: Arc::clone(&self.spender),
            generation: self.generation,
            record: Some(record),
            legs,
            trace: Arc::clone(&self.trace),
            cancelled: self.cancelled,
            first_byte_ms: self.first_byte.map(|at| at.ms_since(self.sent)),
            ended: now,
            claim: self.claim,
            exposure: std::mem::take(&mut self.exposure),
        };
        Ok(Settling::new(sent, booking))
    }

    /// The charge, and what it would be without the hold. A usage that the provider did not report, or that cannot be
    /// believed, is never charged above the hold; nor is a cost that fits no integer.
    fn charge_of(&self, priced: &Priced, terms: Terms) -> Result<(Charge, Option<NanoUsd>), Fault> {
        let charge = priced.cost.and_then(|cost| terms.charge(cost));
        let is_bounded = matches!(priced.source, UsageSource::Estimated | UsageSource::Implausible);
        match charge {
            Some(charge) if !is_bounded || charge.total <= self.held => Ok((charge, Some(charge.total))),
            other => {
                let within = terms.charge(terms.cost_within(self.held)).ok_or(Fault::Overflow)?;
                Ok((within, other.map(|charge| charge.total)))
            }
        }
    }

    /// Remembers a spender whose input had more tokens than its hold counted with: the next holds count with more.
    fn note_overrun(&self, record: &GenerationRecord) {
        let input = record.usage().input_total().unwrap_or_default();
        if record.source != UsageSource::Reported || input <= self.request_terms.likely_input {
            return;
        }
        let percent = measured(input, self.request_terms.likely_input);
        let known = self.gateway.overruns.get(&self.spender.wallet).unwrap_or(100);
        self.gateway.overruns.insert(self.spender.wallet, percent.max(known));
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

    /// The type of the error that ended the answer; none where the client has left.
    fn error_of(&self, outcome: &Outcome) -> Option<&'static str> {
        if outcome.is_final() || self.cancelled {
            return None;
        }
        let fault = UpstreamFault::of_outcome(outcome, UpstreamKind::Unavailable, &self.served.upstreams.keys);
        let reason = fault.kind.error_type();
        self.gateway.meters.vendor_failed(&self.upstream.vendor.id, reason);
        Some(reason)
    }

    fn terms(&self) -> Terms {
        let partner_share = self.spender.earner.map_or(BasisPoints::ZERO, |earner| earner.share);
        Terms { markup: self.served.markup(self.spender.markup, &self.model), partner_share }
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

    fn price(&self, outcome: &Outcome) -> Priced {
        // A provider that did not answer a client that waits, or failed, is paid nothing. A client that left before the
        // answer pays for the input, which its provider has read.
        let is_unanswered = outcome.is_empty() && (!self.cancelled || outcome.complete || outcome.error.is_some());
        if is_unanswered {
            return Priced::nothing(UsageSource::NothingProduced);
        }
        if outcome.trust == Trust::Contradictory {
            return Priced::nothing(UsageSource::Quarantined);
        }
        let (input, family) = (self.request_terms.input_estimate, self.model.family);
        let (mut source, reported) = metered(outcome, input, family);
        let estimate = || estimate(None, input, outcome, family);
        let Believed { mut usage, implausible } =
            self.request_terms.bounds.believe(reported, outcome.inferred, estimate);
        if implausible.is_some() {
            source = UsageSource::Implausible;
        }
        // Where the provider does not report the lifetime of a cache write, the requested lifetime applies.
        if let Some(written) = usage.take(Bucket::CacheWriteOther) {
            let bucket =
                if self.request_terms.caches_for_hour { Bucket::CacheWrite1h } else { Bucket::CacheWriteOther };
            usage.set(bucket, usage.count(bucket).checked_add(written).unwrap_or(written));
        }
        let tier = outcome.service_tier.as_deref().or(self.request_terms.tier.as_deref());
        let mut priced = Priced { implausible, ..Priced::nothing(source) };
        match self.model.route_at(self.route_index).card.price(&usage, tier) {
            Ok(bill) => {
                priced.cost = Some(bill.cost);
                priced.bill = bill;
            }
            Err(_) => priced.cost = None,
        }
        for (model, usage) in &outcome.additional {
            self.add_side_bill(&mut priced, model, usage);
        }
        self.take_reported_cost(&mut priced, outcome);
        priced
    }

    /// Where the vendor reports the cost of a complete answer, that is our cost: it has fees that no book knows.
    fn take_reported_cost(&self, priced: &mut Priced, outcome: &Outcome) {
        let (Some(form), Some(book)) = (&self.upstream.vendor.reported_cost, priced.cost) else { return };
        if priced.source != UsageSource::Reported {
            return;
        }
        match judge(form, outcome, book) {
            Judged::Absent => {}
            Judged::Believed(cost) => {
                priced.difference = cost.checked_sub(book).filter(|difference| *difference != PicoUsd::ZERO);
                priced.cost = Some(cost);
            }
            Judged::Implausible(reported) => {
                let vendor = &self.upstream.vendor.id;
                tracing::error!(generation = %self.generation, %vendor, reported = %reported, book = %book,
                    "the vendor's own cost is too far from the price book's, which is charged instead");
            }
        }
    }

    /// Adds the bill of a part of the request, such as a compaction. What cannot be believed of it is charged within the hold.
    fn add_side_bill(&self, priced: &mut Priced, name: &str, usage: &Usage) {
        let (model, card) = self.model_of_part(name);
        if !self.request_terms.bounds.admit(usage) {
            priced.source = UsageSource::Implausible;
        }
        match card.price(usage, None) {
            Ok(bill) => {
                priced.cost = priced.cost.and_then(|cost| cost.checked_add(bill.cost));
                priced.side_bills.push(SideBill { model: model.id.to_string(), lines: lines(&bill, None) });
            }
            Err(_) => priced.cost = None,
        }
    }

    /// The model that a provider names for a part, with its prices: the request's own where that is its name there, or where
    /// the price book lacks the name. Several models may have one name at a provider.
    fn model_of_part(&self, name: &str) -> (&Model, &PriceCard) {
        let own = self.model.route_at(self.route_index);
        match self.served.catalog.get_hidden(name) {
            Some(other) if *own.upstream_model != *name && *other.route.upstream_model != *own.upstream_model => {
                (other, &other.route.card)
            }
            _ => (&self.model, &own.card),
        }
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
            price_book: self.served.catalog.version(),
            streamed: self.delivery == Delivery::Streamed,
            cancelled: self.cancelled,
            source: priced.source,
            latency_ms: ms(self.first_byte.unwrap_or(now)),
            duration_ms: ms(now),
            lines: lines(&priced.bill, priced.difference),
            side_bills: priced.side_bills,
            markup: charged.terms.markup,
            partner_share: charged.terms.partner_share,
            cost: charged.charge.cost,
            total: charged.charge.total,
            failed_attempts: std::mem::take(&mut self.failed_attempts),
            reported: priced.implausible.map(|reported| (reported.input, reported.output)),
        }
    }

    fn log_source(&self, record: &GenerationRecord, uncapped: Option<NanoUsd>) {
        let (generation, vendor, model) = (self.generation, &*self.upstream.vendor.id, &*self.model.id);
        let (total, held) = (record.total, self.held);
        if total > held {
            tracing::warn!(%generation, vendor, model, %total, %held, "the charge exceeds its hold");
        }
        match record.source {
            UsageSource::Reported | UsageSource::NothingProduced => {}
            UsageSource::Estimated if self.cancelled => {}
            UsageSource::Estimated => {
                tracing::warn!(%generation, vendor, model, "the provider reported no usage; the charge is estimated");
            }
            UsageSource::Quarantined => {
                tracing::error!(%generation, vendor, model, "the provider's counts contradict each other; nothing was charged");
            }
            UsageSource::Implausible => {
                self.gateway.implausible.fetch_add(1, Ordering::Relaxed);
                let (input, output) = record.reported.unwrap_or_default();
                let would_be = uncapped.map(|total| total.to_string());
                tracing::error!(%generation, vendor, model, input = input.get(), output = output.get(), %total, would_be,
                    "the provider's counts are implausible; the charge is what can be believed, within the hold");
            }
        }
    }
}

fn lines(bill: &Bill, difference: Option<PicoUsd>) -> Vec<Line> {
    let lines = bill.lines.iter().map(|line| Line::new(line.item, line.quantity, line.rate));
    lines.chain(difference.map(Line::difference)).collect()
}
