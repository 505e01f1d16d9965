//! Looks at everything after a step, and compares it with the model.

use super::deeds::Run;
use super::reference::{self, Charged, Order, PARTNERS, PEOPLE, SHARES, Stand, TOP_UPS_MAX};
use opencredits_ledger::{EntryKind, EntryRow};
use opencredits_service::accounts::{BalanceSheet, CurrencySheet};
use opencredits_service::books::{self, Derived, PerCurrency};
use opencredits_service::partners::debt_of_partner;
use opencredits_service::purchases::debt_of;
use opencredits_service::{LimitBalance, check_bill, jobs};
use opencredits_store::{LimitOwner, OrderOrigin, OrderState, Orders, SpendingLimit};
use opencredits_units::{AccountId, NanoUsd, OrderId, UnixMs};
use std::collections::BTreeMap;

/// What the books say.
impl Run {
    /// Takes what the ledger and the store have by now into the model.
    pub(super) fn observe(&mut self) {
        self.world.live().ledger.flush().unwrap();
        let mut fresh: Vec<EntryRow> = self.entries();
        fresh.retain(|entry| entry.kind == EntryKind::Capture && !self.model.charges.contains_key(&entry.id.bits()));
        assert!(self.expected.is_none() || fresh.len() == 1, "an answered request is charged once: {fresh:?}");
        for entry in &fresh {
            self.observe_charge(entry);
        }
        let stored = self.world.run(None, async |live| live.store.orders(None, None, 200).await.unwrap()).unwrap();
        let mut booked = Vec::new();
        for order in stored.iter().rev() {
            let minor = i128::from(order.amount_minor - order.fee_minor);
            let credits = reference::credits(minor, &order.currency);
            assert_eq!(i128::from(order.credits.get() + order.bonus.get()), credits, "{order:?}");
            assert_eq!(i128::from(order.amount_minor), reference::price(minor), "{order:?}");
            let person = self.world.customers.iter().position(|one| one.user.id == order.user).unwrap();
            let (stand, currency) = (Stand::default(), order.currency.clone());
            let known = Order { person, currency, credits, stand, frozen: 0, bookings: 0, moved: 0 };
            let known = self.model.orders.entry(order.id).or_insert(known);
            if order.bookings.number > known.bookings {
                assert_eq!(order.bookings.number, known.bookings + 1, "one change, one booking: {order:?}");
                assert!(order.bookings.is_made, "{order:?}");
                known.bookings = order.bookings.number;
                booked.push((order.bookings.at, order.id, order.bookings.after));
            }
        }
        booked.sort_by_key(|(at, ..)| *at);
        for (_, id, after) in booked {
            let stand = Stand::of(&self.state_of(id).unwrap(), self.model.orders[&id].credits);
            let told = [after.granted, after.taken, after.frozen].map(|amount| i128::from(amount.get()));
            assert_eq!(told, [stand.granted, stand.taken, stand.frozen], "where {id} stands");
            self.model.settle(id, stand);
            self.saw("bookings", 1);
            let order = &self.model.orders[&id];
            let (is_short, owes) = (order.frozen < stand.frozen, self.model.people[order.person].debt > 0);
            self.saw("disputes of credits that were spent", usize::from(is_short));
            self.saw("debts", usize::from(owes));
        }
        for order in stored.iter().filter(|order| order.origin == OrderOrigin::TopUp && order.bookings.number > 0) {
            self.was_read(order.id);
            self.saw("top-ups", 1);
        }
    }

    pub(super) fn observe_charge(&mut self, entry: &EntryRow) {
        let bill = check_bill(entry).unwrap();
        assert!(bill.findings.is_empty(), "{bill:?}");
        let (payer, paid) = entry.legs[0];
        let person = self.world.customers.iter().position(|one| one.user.wallet == payer).unwrap();
        let leg = |account: AccountId| -> i128 {
            entry.legs.iter().filter(|(of, _)| *of == account).map(|(_, amount)| i128::from(amount.get())).sum()
        };
        let partner = self.world.partners.iter().position(|partner| leg(partner.earnings) != 0);
        let commission = partner.map_or(0, |at| leg(self.world.partners[at].earnings));
        let collected = -i128::from(paid.get());
        // At most its share of the markup, which is a fifth of what was collected.
        assert!(commission >= 0 && partner.is_none_or(|at| commission * 50_000 <= collected * SHARES[at]), "{entry:?}");
        if let Some(expected) = self.expected.take() {
            assert_eq!((collected, commission), expected, "the charge of {}", entry.id);
        }
        let is_limited =
            entry.legs.iter().any(|(account, _)| self.limit_of(person).is_some_and(|limit| limit.account == *account));
        self.margin += leg(books::REVENUE);
        let day = entry.id.made_at().day();
        let charged = Charged { person, partner, collected, commission, day, is_limited, given_back: 0 };
        self.model.charge(entry.id.bits(), charged);
    }

    /// The limit of a person's key through the second partner.
    pub(super) fn limit_of(&self, person: usize) -> Option<SpendingLimit> {
        let key = self.world.customers[person].keys[2].0;
        self.world.run(None, async |live| live.accounts.key_in_force(key, None).await.unwrap().limit).unwrap()
    }

    /// An order was read: its figures and the movements of its money are those of the processor.
    pub(super) fn was_read(&mut self, id: OrderId) {
        let Some(state) = self.state_of(id) else { return };
        let order = self.model.orders.get_mut(&id).unwrap();
        assert_eq!(order.stand, Stand::of(&state, order.credits), "{id} was read and does not stand as it should");
        let movements = state.movements.iter().chain(state.disputes.iter().flat_map(|dispute| &dispute.movements));
        order.moved = movements.map(|movement| i128::from(movement.net.minor())).sum();
    }

    pub(super) fn posted(&self, account: AccountId) -> i128 {
        self.world.live().ledger.balance(account).map_or(0, |balance| i128::from(balance.posted.get()))
    }

    pub(super) fn check(&self) {
        let live = self.world.live();
        assert_eq!(live.ledger.holds(), []);
        let report = live.ledger.verify().unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        let sheet = self.world.run(None, async |live| live.accounts.balance_sheet(None).await.unwrap()).unwrap();
        assert_eq!(sheet.difference, NanoUsd::ZERO, "{sheet:?}");
        assert!(sheet.currencies.iter().all(|one| one.difference == NanoUsd::ZERO), "{sheet:?}");
        let nobodys = sheet.lines.iter().find(|line| line.name == "accounts of nobody").unwrap();
        assert_eq!(nobodys.amount, NanoUsd::ZERO);
        let kept = self.world.run(None, async |live| live.accounts.kept_balances().await.unwrap()).unwrap();
        assert_eq!(
            with_people_in_one(&kept),
            with_people_in_one(&sheet),
            "the balances that are kept are those of the entries"
        );
        for currency in ["usd", "eur"] {
            assert_eq!(self.posted(PerCurrency::Clearing.account(currency)), 0, "clearing in {currency}");
            let orders = self.model.orders.values().filter(|order| order.currency == currency);
            let moved: i128 = orders.map(|order| order.moved).sum();
            let processor = -self.posted(PerCurrency::Processor.account(currency));
            assert_eq!(processor, moved * 10_000_000, "the processor's money in {currency}");
        }
        self.check_people();
        self.check_partners();
        self.check_top_ups();
    }

    pub(super) fn check_people(&self) {
        let today = self.now().day();
        self.world.run(None, async |live| jobs::renew_limits(&live.gateway).await.unwrap()).unwrap();
        for at in 0..PEOPLE {
            let (person, user) = (&self.model.people[at], &self.world.customers[at].user);
            assert!(person.wallet >= 0 && person.debt >= 0);
            assert_eq!(self.posted(user.wallet), person.wallet, "the wallet of person {at}");
            assert_eq!(-self.posted(debt_of(user.id)), person.debt, "the debt of person {at}");
            let cap =
                self.world.run(None, async |live| live.accounts.limit(LimitOwner::Person(user.id)).await.unwrap());
            assert_eq!(left(cap.unwrap().unwrap()), person.cap.left(today), "what is left of the cap of person {at}");
            let limit = self.limit_of(at).unwrap();
            let now = self.now();
            let balance =
                self.world.run(None, async |live| LimitBalance::of(&live.ledger.clone().into(), limit, now).await);
            assert_eq!(
                left(balance.unwrap().unwrap()),
                self.model.limits[at].left(today),
                "what is left of the key's limit of person {at}"
            );
        }
        for (id, order) in &self.model.orders {
            assert_eq!(self.posted(Derived::Frozen.account(id.bits())), order.frozen, "frozen of {id}");
        }
        assert_eq!(self.posted(books::BAD_DEBT), 0, "no charge exceeds its hold");
    }

    pub(super) fn check_partners(&self) {
        let today = self.now().day();
        let mut taken_back = 0;
        for at in 0..PARTNERS {
            let (model, partner) = (&self.model.partners[at], &self.world.partners[at]);
            assert_eq!(self.posted(partner.earnings), model.earnings, "the earnings of partner {at}");
            assert_eq!(-self.posted(debt_of_partner(partner.id)), model.debt, "the debt of partner {at}");
            let told = self.world.run(None, async |live| live.accounts.earnings_of(partner).await.unwrap()).unwrap();
            let told = [told.accrued, told.taken_back, told.paid_out, told.matured];
            let is = [model.earned(), model.taken_back(), model.paid_out, model.matured(today)];
            assert_eq!(told.map(|amount| i128::from(amount.get())), is, "what partner {at} is told");
            assert!(model.taken_back() >= 0 && model.taken_back() <= model.earned());
            taken_back += model.taken_back();
        }
        assert_eq!(self.posted(books::PAYOUTS), self.model.partners.iter().map(|partner| partner.paid_out).sum());
        assert_eq!(self.posted(books::REVENUE), self.margin + taken_back - self.given_back, "revenue");
    }

    /// Nobody is charged more by top-ups in a month than the maximum.
    pub(super) fn check_top_ups(&self) {
        let stored = self.world.run(None, async |live| live.store.orders(None, None, 200).await.unwrap()).unwrap();
        let month = |at: UnixMs| {
            let at = jiff::Timestamp::from_millisecond(i64::try_from(at.get()).unwrap()).unwrap();
            at.strftime("%Y-%m").to_string()
        };
        // A crash may leave an order whose charge never began: the processor does not know it.
        let is_charged = |order: &&opencredits_store::Order| {
            order.origin == OrderOrigin::TopUp
                && !matches!(order.state, OrderState::Failed | OrderState::Expired)
                && self.state_of(order.id).is_some()
        };
        let charged: Vec<_> = stored.iter().filter(is_charged).collect();
        for order in &charged {
            let same =
                charged.iter().filter(|one| one.user == order.user && month(one.created_at) == month(order.created_at));
            let sum: i128 = same.map(|one| i128::from(one.amount_minor)).sum();
            assert!(sum <= TOP_UPS_MAX, "{sum} minor units were charged by top-ups in {}", month(order.created_at));
        }
    }
}

fn left(balance: LimitBalance) -> i128 {
    i128::from(balance.available.get())
}

/// The amounts of a sheet by line; paid and promotional credits of people are one line. What is zero is left out.
fn with_people_in_one(sheet: &BalanceSheet) -> (BTreeMap<String, i64>, u64, Vec<CurrencySheet>) {
    let mut lines = BTreeMap::new();
    for line in &sheet.lines {
        let name = line.name.split(", ").next().unwrap().to_owned();
        *lines.entry(name).or_default() += line.amount.get();
    }
    lines.retain(|_, amount| *amount != 0);
    let mut currencies = sheet.currencies.clone();
    for one in &mut currencies {
        one.lines.retain(|line| line.amount != NanoUsd::ZERO);
    }
    currencies.retain(|one| !one.lines.is_empty());
    (lines, sheet.entries, currencies)
}
