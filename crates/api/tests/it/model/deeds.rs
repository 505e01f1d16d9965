//! What each step does to the service and to the model.

use super::reference::{self, Model, SHARES, TOP_UPS_MAX};
use super::steps::{Deed, Event, How, Kind, LAST, Step};
use super::world::{Live, World, beginning, daily};
use crate::app::request;
use http::Method;
use http_body_util::BodyExt;
use opencredits_billing::{
    Currency, DisputeStatus, Money, PaymentError, PaymentRef, PaymentState, Payments, RefundStatus, SaveMethod,
};
use opencredits_ledger::{EntryKind, EntryRow};
use opencredits_service::accounts::{Actor, Correction, CorrectionKind, Edit, KeyEdit, Payout};
use opencredits_service::purchases::{NewOrder, Settled, TopUpRule};
use opencredits_store::{LimitOwner, Standing};
use opencredits_units::{EntryId, GenerationId, NanoUsd, OrderId, UnixMs};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The amount that a top-up buys credits for, in minor units.
const TOP_UP_MINOR: i64 = 1_000;

/// The service and its model.
pub(super) struct Run {
    pub(super) world: World,
    pub(super) model: Model,
    /// What the last request must have been charged, where its answer says so: total and commission.
    pub(super) expected: Option<(i128, i128)>,
    pub(super) margin: i128,
    pub(super) given_back: i128,
    pub(super) tally: Tally,
}

/// How often something happened that a test of many sequences must have seen.
pub(super) type Tally = BTreeMap<&'static str, u64>;

pub(super) fn nano(amount: i128) -> NanoUsd {
    NanoUsd::new(i64::try_from(amount).unwrap())
}

fn of_cents(cents: i64) -> NanoUsd {
    NanoUsd::new(cents * 10_000_000)
}

impl Run {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            world: World::new(seed),
            model: beginning(),
            expected: None,
            margin: 0,
            given_back: 0,
            tally: Tally::new(),
        }
    }

    /// What happened in the sequence.
    pub(super) fn tally(mut self) -> Tally {
        self.check_mails();
        let rates = self.model.returns;
        self.saw("commission taken back", rates.0);
        self.saw("commission restored", rates.1);
        self.saw("orders in euros", self.model.orders.values().filter(|order| order.currency == "eur").count());
        self.tally
    }

    pub(super) fn saw(&mut self, what: &'static str, times: usize) {
        *self.tally.entry(what).or_default() += u64::try_from(times).unwrap();
    }

    /// Makes a step. Where the process dies in it, what the person or the operator does not know to be done is done again.
    pub(super) fn step(&mut self, number: usize, Step { deed, dies_after }: Step) {
        self.expected = None;
        let before = self.captures();
        let repeats = matches!(deed, Deed::Correct { .. } | Deed::GiveBack { .. } | Deed::PayOut { .. });
        if deed == Deed::Crash || dies_after.is_some_and(|polls| !self.deed(number, deed, Some(polls))) {
            self.world.crash();
            self.saw("crashes", 1);
            self.expected = None;
            let lost: Vec<_> = before.difference(&self.captures()).copied().collect();
            assert!(lost.is_empty(), "charges that were on the disk are gone: {lost:?}");
            self.read_everything();
            if repeats {
                self.deed(number, deed, None);
            }
        } else if dies_after.is_none() {
            self.deed(number, deed, None);
        }
        self.observe();
        self.check();
    }

    /// The charges in the books, by their ids.
    pub(super) fn captures(&self) -> BTreeSet<u128> {
        self.entries().iter().filter(|entry| entry.kind == EntryKind::Capture).map(|entry| entry.id.bits()).collect()
    }

    pub(super) fn entries(&self) -> Vec<EntryRow> {
        self.world.live().ledger.entries(EntryId::default(), 100_000).unwrap()
    }

    fn read_everything(&mut self) {
        let report = self.world.run(None, async |live| live.purchases.reconcile().await.unwrap()).unwrap();
        assert_eq!((report.failures.as_slice(), report.suspense.as_slice()), (&[][..], &[][..]));
        self.observe();
        for id in self.model.orders.keys().copied().collect::<Vec<_>>() {
            self.was_read(id);
        }
    }

    /// Whether it was done: not when the process died in it.
    fn deed(&mut self, number: usize, deed: Deed, polls: Option<u32>) -> bool {
        match deed {
            Deed::Crash => true,
            Deed::Pass { hours } => {
                self.world.fixed.pass_ms(hours * 3_600_000);
                true
            }
            Deed::Buy { .. } => self.buy(deed, polls),
            Deed::Happen { order, event } => {
                self.happen(order, event);
                true
            }
            Deed::Hear { order } => {
                let Some(id) = self.order(order) else { return true };
                let heard = self.world.run(polls, async |live| live.purchases.settle_order(id).await);
                let Some(heard) = heard else { return false };
                assert!(matches!(heard.unwrap(), Settled::Ours(_)));
                self.observe();
                self.was_read(id);
                true
            }
            Deed::Reconcile => {
                let done = self.world.run(polls, async |live| live.purchases.reconcile().await.map(|_| ()));
                let Some(done) = done else { return false };
                done.unwrap();
                self.read_everything();
                true
            }
            Deed::Ask { who, key, tokens, how } => self.ask((who, key), tokens, (how, polls)),
            Deed::Rule { who, threshold } => {
                let user = self.world.customers[who].user.id;
                let rule = TopUpRule {
                    threshold: of_cents(threshold),
                    amount: Money::new(TOP_UP_MINOR, Currency::USD),
                    monthly_max_minor: i64::try_from(TOP_UPS_MAX).unwrap(),
                };
                // Refused where no method is saved.
                self.world
                    .run(polls, async |live| live.purchases.set_top_up(user, Some(rule)).await.map(|_| ()))
                    .is_some()
            }
            Deed::TopUps => {
                let done = self.world.run(polls, async |live| live.purchases.top_up_all().await.unwrap());
                done.is_some()
            }
            Deed::Refund { order, percent } => self.refund(number, (order, percent), polls),
            Deed::Correct { who, kind, cents } => self.correct(number, (who, kind, cents), polls),
            Deed::GiveBack { who, charge, percent } => self.give_back(number, (who, charge, percent), polls),
            Deed::PayOut { partner, percent } => self.pay_out(number, (partner, percent), polls),
            Deed::Limit { who, of_key, cents } => self.limit((who, of_key, cents)),
            Deed::Suspend { which, is_partner, is_suspended } => self.suspend(which, (is_partner, is_suspended)),
        }
    }

    fn order(&self, roll: usize) -> Option<OrderId> {
        let orders: Vec<_> = self.model.orders.keys().collect();
        let roll = if roll == LAST { orders.len().saturating_sub(1) } else { roll };
        orders.get(roll % orders.len().max(1)).copied().copied()
    }

    fn buy(&mut self, deed: Deed, polls: Option<u32>) -> bool {
        let Deed::Buy { who, minor, in_euros, saves } = deed else { return true };
        let new = NewOrder {
            user: self.world.customers[who].user.id,
            partner: None,
            amount: Money::new(minor, if in_euros { "eur".parse().unwrap() } else { Currency::USD }),
            email: "ada@example.org".to_owned(),
            idempotency_key: None,
            success_url: None,
            cancel_url: None,
            save_method: if saves { SaveMethod::OffSession } else { SaveMethod::No },
        };
        self.world.run(polls, async |live| live.purchases.begin(new).await.map(|_| ())).is_some()
    }

    /// Something happens at the processor, where it can.
    fn happen(&self, roll: usize, event: Event) {
        let Some(id) = self.order(roll) else { return };
        let Some(state) = self.state_of(id) else { return };
        let (Some(page), sandbox, now) = (state.session.clone(), &self.world.sandbox, self.now()) else { return };
        let paid = state.paid.map_or(0, Money::minor);
        let refunds = state.refunds.iter().filter(|refund| refund.status.counts()).map(|refund| refund.amount.minor());
        let disputes = state.disputes.iter().filter(|dispute| dispute.status != DisputeStatus::Won);
        let rest = paid - refunds.sum::<i64>() - disputes.map(|dispute| dispute.amount.minor()).sum::<i64>();
        let part = |percent: i64| (rest * percent / 100).max(1);
        // It is refused where it makes no sense.
        let _refused = match event {
            Event::Pay => sandbox.pay(&page, now),
            Event::PayLater => sandbox.pay_later(&page),
            Event::Decline => sandbox.decline(&page),
            Event::Expire => sandbox.expire(&page),
            Event::Refund { percent, is_pending } if rest > 0 => {
                let status = if is_pending { RefundStatus::Pending } else { RefundStatus::Succeeded };
                sandbox.refund_at_processor(&page, part(percent), status, now)
            }
            Event::RefundFails if state.refunds.last().is_some_and(|refund| refund.status.counts()) => {
                sandbox.refund_becomes(&page, RefundStatus::Failed, now)
            }
            Event::OpenDispute { percent } if rest > 0 => {
                sandbox.open_dispute(&page, part(percent), DisputeStatus::NeedsResponse, now).map(|_| ())
            }
            Event::EndDispute { which, is_won } => {
                let open = state.disputes.iter().filter(|dispute| dispute.status == DisputeStatus::NeedsResponse);
                let open: Vec<_> = open.collect();
                let Some(dispute) = open.get(which % open.len().max(1)) else { return };
                let status = if is_won { DisputeStatus::Won } else { DisputeStatus::Lost };
                sandbox.dispute_becomes(&page, &dispute.id, status, now)
            }
            _ => return,
        };
    }

    pub(super) fn now(&self) -> UnixMs {
        opencredits_service::Clock::now(&*self.world.fixed)
    }

    /// What the processor says of an order; nothing where it has not heard of it.
    pub(super) fn state_of(&self, id: OrderId) -> Option<PaymentState> {
        let named = PaymentRef::Order(id.to_string().parse().unwrap());
        let found = self.world.run(None, async |_| self.world.sandbox.payment(&named).await).unwrap();
        match found {
            Ok(state) => Some(state),
            Err(PaymentError::NotFound { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn ask(&mut self, (who, key): (usize, usize), tokens: u32, (how, polls): (How, Option<u32>)) -> bool {
        let secret = self.world.customers[who].keys[key].1.clone();
        let mut body = json!({"model": "a/dear", "max_tokens": tokens,
            "messages": [{"role": "user", "content": format!("sandbox:tokens {tokens}")}]});
        if how != How::Whole {
            (body["stream"], body["stream_options"]) = (json!(true), json!({"include_usage": true}));
        }
        let request = request(Method::POST, "/v1/chat/completions", &secret, body.to_string());
        let asked = self.world.run(polls, async |live| {
            let answer = match how {
                How::Abandoned(pieces) => (abandon(live, request, pieces).await, String::new()),
                How::Whole | How::Streamed => live.answer(request).await,
            };
            live.drained().await;
            answer
        });
        let Some((status, text)) = asked else { return false };
        let (person, limit) = (&self.model.people[who], &self.model.limits[who]);
        let day = self.now().day();
        let is_limited = key == 2;
        let left = person.wallet.min(person.cap.left(day)).min(if is_limited { limit.left(day) } else { i128::MAX });
        if person.is_suspended || left == 0 {
            assert!(matches!(status, 401..=403 | 429), "a request that nothing covers was answered {status}: {text}");
        }
        self.saw(if status == 200 { "answers" } else { "refused requests" }, 1);
        if status == 200 {
            let partner = key.checked_sub(1).filter(|at| !self.model.partners[*at].is_suspended);
            self.expected = usage(&text)
                .map(|(input, output)| reference::charge(input, output, partner.map_or(0, |at| SHARES[at])));
            assert!(self.expected.is_some() || matches!(how, How::Abandoned(_)), "no usage in {text}");
        }
        true
    }

    fn refund(&mut self, number: usize, (order, percent): (usize, i64), polls: Option<u32>) -> bool {
        let Some(id) = self.order(order) else { return true };
        let Some(state) = self.state_of(id) else { return true };
        let rest = state.paid.map_or(0, Money::minor)
            - state.refunds.iter().filter(|one| one.status.counts()).map(|one| one.amount.minor()).sum::<i64>();
        let amount = (percent < 100).then(|| (rest * percent / 100).max(1));
        let key = format!("step-{number}");
        // It is read first by itself, so that each step makes one booking.
        if !self.deed(number, Deed::Hear { order }, polls) {
            return false;
        }
        let done = self.world.run(polls, async |live| live.purchases.refund(id, amount, &key).await.is_ok());
        if done == Some(true) {
            let made = self.state_of(id).unwrap().refunds;
            assert_eq!(made.iter().filter(|one| one.requested_by == Some(format!("{id}-{key}"))).count(), 1);
        }
        if done.is_some() {
            self.observe();
            self.was_read(id);
        }
        done.is_some()
    }

    fn id_of(&self, number: usize) -> EntryId {
        let mut random = [7; 10];
        random[0] = u8::try_from(number).unwrap();
        EntryId::at(UnixMs::new(1_790_000_000_000), random)
    }

    fn correct(&mut self, number: usize, (who, kind, cents): (usize, Kind, i64), polls: Option<u32>) -> bool {
        let (id, amount) = (self.id_of(number), i128::from(cents) * 10_000_000);
        let (kind, change) = match kind {
            Kind::Take => (CorrectionKind::Take, -amount),
            Kind::Add => (CorrectionKind::Add, amount),
            Kind::Deduct => (CorrectionKind::Deduct, -amount),
        };
        let is_covered = self.model.people[who].wallet + change >= 0;
        let done = self.corrected((who, kind, nano(amount)), id, polls);
        let Some(done) = done else { return false };
        assert_eq!(done, is_covered, "a correction is made where the wallet covers it");
        self.saw(if done { "corrections" } else { "refused corrections" }, 1);
        if done && self.model.done.insert(id.bits()) {
            self.model.people[who].wallet += change;
        }
        true
    }

    fn corrected(
        &self,
        (who, kind, amount): (usize, CorrectionKind, NanoUsd),
        id: EntryId,
        polls: Option<u32>,
    ) -> Option<bool> {
        let user = self.world.customers[who].user.label.clone();
        let correction = Correction { user, kind, amount, id: Some(id), reason: "a test".to_owned() };
        self.world.run(polls, async |live| {
            let once = live.accounts.correct(correction.clone()).await.is_ok();
            assert_eq!(live.accounts.correct(correction).await.is_ok(), once, "a repetition ends as the first");
            once
        })
    }

    fn give_back(&mut self, number: usize, (who, roll, percent): (usize, usize, i64), polls: Option<u32>) -> bool {
        let charges: Vec<_> = self.model.charges.iter().map(|(id, charged)| (*id, *charged)).collect();
        let roll = if roll == LAST { charges.len().saturating_sub(1) } else { roll };
        let Some((of, charged)) = charges.get(roll % charges.len().max(1)).copied() else { return true };
        let amount = (charged.collected * i128::from(percent) / 100).max(1);
        let is_right = charged.person == who && charged.given_back + amount <= charged.collected;
        let (id, kind) = (self.id_of(number), CorrectionKind::Refund(GenerationId::from_bits(of)));
        let done = self.corrected((who, kind, nano(amount)), id, polls);
        let Some(done) = done else { return false };
        assert_eq!(done, is_right, "a charge is given back to who paid it, and once: {charged:?} {amount}");
        self.saw(if done { "charges given back" } else { "charges not given back" }, 1);
        if done && self.model.done.insert(id.bits()) {
            self.model.people[who].wallet += amount;
            self.given_back += amount;
            self.model.charges.get_mut(&of).unwrap().given_back += amount;
        }
        true
    }

    fn pay_out(&mut self, number: usize, (at, percent): (usize, i64), polls: Option<u32>) -> bool {
        let today = self.now().day();
        let matured = self.model.partners[at].matured(today);
        let amount = (matured * i128::from(percent) / 100).max(1);
        let is_right = amount > 0 && amount <= matured;
        let id = self.id_of(number);
        let payout = Payout {
            partner: self.world.partners[at].name.clone(),
            amount: Some(nano(amount)),
            id: Some(id),
            reason: "bank".to_owned(),
        };
        let done = self.world.run(polls, async |live| {
            let first = live.accounts.pay_out(payout.clone()).await;
            let again = live.accounts.pay_out(payout).await;
            assert_eq!(first.is_ok(), again.is_ok(), "{first:?} {again:?}");
            first.is_ok()
        });
        let Some(done) = done else { return false };
        assert_eq!(done, is_right, "{amount} of {matured} that have matured");
        self.saw(if done { "payouts" } else { "refused payouts" }, 1);
        let partner = &mut self.model.partners[at];
        partner.settle();
        if done && self.model.done.insert(id.bits()) {
            partner.earnings -= amount;
            partner.paid_out += amount;
        }
        true
    }

    fn limit(&mut self, (who, of_key, cents): (usize, bool, i64)) -> bool {
        let customer = &self.world.customers[who];
        let (user, key, amount) = (customer.user.id, customer.keys[2].0, of_cents(cents));
        self.world.run(None, async |live| {
            if of_key {
                let edit = KeyEdit { limit: Edit::Set(amount), ..KeyEdit::default() };
                live.accounts.edit_key((key, None), edit, Actor::Operator).await.unwrap();
            } else {
                let owner = LimitOwner::Person(user);
                live.accounts.set_limit(owner, Some(daily(amount.get())), Actor::Operator).await.unwrap();
            }
        });
        let limit = if of_key { &mut self.model.limits[who] } else { &mut self.model.people[who].cap };
        limit.amount = i128::from(amount.get());
        true
    }

    fn suspend(&mut self, which: usize, (is_partner, is_suspended): (bool, bool)) -> bool {
        let standing = if is_suspended { Standing::Suspended } else { Standing::Good };
        let name = if is_partner {
            self.model.partners[which].is_suspended = is_suspended;
            self.world.partners[which].name.clone()
        } else {
            self.model.people[which].is_suspended = is_suspended;
            self.world.customers[which].user.label.clone()
        };
        self.world.run(None, async |live| {
            if is_partner {
                live.accounts.set_partner_standing(&name, standing, String::new()).await.map(|_| ()).unwrap();
            } else {
                live.accounts.set_standing(&name, standing, String::new()).await.map(|_| ()).unwrap();
            }
        });
        true
    }
}

/// A client that leaves after so many pieces of its answer.
async fn abandon(live: &Live, request: http::Request<axum::body::Body>, pieces: usize) -> u16 {
    let (head, mut body) = live.open_answer(request).await.into_parts();
    for _ in 0..pieces {
        if body.frame().await.is_none() {
            break;
        }
    }
    head.status.as_u16()
}

/// The tokens of an answer: whole, or in the last event of a stream that has them.
fn usage(text: &str) -> Option<(i128, i128)> {
    let of = |text: &str| -> Option<(i128, i128)> {
        let answer: Value = serde_json::from_str(text).ok()?;
        let count = |name: &str| answer["usage"][name].as_i64().map(i128::from);
        Some((count("prompt_tokens")?, count("completion_tokens")?))
    };
    of(text).or_else(|| text.lines().rev().find_map(|line| of(line.strip_prefix("data: ")?)))
}
