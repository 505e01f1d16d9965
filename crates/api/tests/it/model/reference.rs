//! What the books must show, in plain integers: nano-dollars, and minor units of a currency.
//!
//! Nothing here calls the code under test. It knows the rules of docs/payments.md, docs/partners.md and docs/pricing.md.

use opencredits_billing::{DisputeStatus, Money, PaymentState, Progress};
use opencredits_units::OrderId;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const PEOPLE: usize = 2;
pub(super) const PARTNERS: usize = 2;
/// A token of input and one of output, in nano-dollars. Requests must be as dear as purchases are for debts to arise.
pub(super) const INPUT: i128 = 100_000;
pub(super) const OUTPUT: i128 = 10_000_000;
/// Each partner's share of the markup, in hundredths of a percent.
pub(super) const SHARES: [i128; PARTNERS] = [4_000, 5_000];
/// Commission may be paid out when its day and so many more are over.
pub(super) const MATURES_DAYS: u64 = 3;
/// The most that is charged by top-ups in a month, in minor units.
pub(super) const TOP_UPS_MAX: i128 = 5_000;
const NANO_A_MINOR: i128 = 10_000_000;

/// Where the books of an order must stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stand {
    pub(super) granted: i128,
    pub(super) taken: i128,
    pub(super) frozen: i128,
}

/// The credits for an amount without its fee, the bonus included.
pub(super) fn credits(minor: i128, currency: &str) -> i128 {
    let price = if currency == "usd" { 10_000_000 } else { 9_000_000 };
    let bought = minor * NANO_A_MINOR * 10_000_000 / price;
    bought + if minor >= 3_000 { bought * 700 / 10_000 } else { 0 }
}

/// What is paid for that amount.
pub(super) const fn price(minor: i128) -> i128 {
    minor + minor * 300 / 10_000
}

/// A charge and the partner's part of it.
pub(super) const fn charge(input: i128, output: i128, share: i128) -> (i128, i128) {
    let cost = input * INPUT + output * OUTPUT;
    let total = (cost * 5 + 3) / 4;
    (total, (total - cost) * share / 10_000)
}

impl Stand {
    /// Where an order of so many credits stands, by what the processor says.
    pub(super) fn of(state: &PaymentState, credits: i128) -> Self {
        let Some(paid) = state.paid.map(Money::minor).filter(|_| state.progress == Progress::Paid) else {
            return Self::default();
        };
        let refunds = state.refunds.iter().filter(|refund| refund.status.counts()).map(|refund| refund.amount.minor());
        let disputed = |is_one: fn(DisputeStatus) -> bool| -> i64 {
            state.disputes.iter().filter(|one| is_one(one.status)).map(|one| one.amount.minor()).sum()
        };
        let gone = refunds.sum::<i64>() + disputed(|status| status == DisputeStatus::Lost);
        let open = disputed(|status| status == DisputeStatus::NeedsResponse);
        let share = |part: i64| ((credits * i128::from(part) + i128::from(paid) - 1) / i128::from(paid)).min(credits);
        Self { granted: credits, taken: share(gone), frozen: share(gone + open) - share(gone) }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Person {
    pub(super) wallet: i128,
    pub(super) debt: i128,
    pub(super) charged: i128,
    /// What each partner earned at this person, and what of it was taken back.
    earned: [i128; PARTNERS],
    returned: [i128; PARTNERS],
    /// What was spent under the person's cap, and the day.
    pub(super) cap: Limit,
    pub(super) is_suspended: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Partner {
    pub(super) earnings: i128,
    pub(super) debt: i128,
    pub(super) paid_out: i128,
    taken_back: i128,
    by_day: BTreeMap<u64, i128>,
    pub(super) is_suspended: bool,
}

/// A daily limit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limit {
    pub(super) amount: i128,
    spent: i128,
    day: u64,
}

impl Limit {
    pub(super) fn left(&self, day: u64) -> i128 {
        (self.amount - if day == self.day { self.spent } else { 0 }).max(0)
    }

    fn spend(&mut self, amount: i128, day: u64) {
        self.spent = amount + if day == self.day { self.spent } else { 0 };
        self.day = day;
    }
}

#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) person: usize,
    pub(super) currency: String,
    pub(super) credits: i128,
    pub(super) stand: Stand,
    /// What is frozen: less than it should be where it had been spent.
    pub(super) frozen: i128,
    pub(super) bookings: u32,
    /// What the processor's books say of it when it was last read, in minor units.
    pub(super) moved: i128,
}

/// A charge in the books.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charged {
    pub(super) person: usize,
    pub(super) partner: Option<usize>,
    pub(super) collected: i128,
    pub(super) commission: i128,
    pub(super) day: u64,
    /// Whether the key has a limit of its own.
    pub(super) is_limited: bool,
    /// What of it was given back.
    pub(super) given_back: i128,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) people: [Person; PEOPLE],
    pub(super) partners: [Partner; PARTNERS],
    pub(super) orders: BTreeMap<OrderId, Order>,
    pub(super) charges: BTreeMap<u128, Charged>,
    /// The limit of each person's key through the second partner.
    pub(super) limits: [Limit; PEOPLE],
    /// How often commission was taken back, and given back again.
    pub(super) returns: (usize, usize),
    /// Ids of payouts and corrections that were acknowledged.
    pub(super) done: BTreeSet<u128>,
}

impl Model {
    pub(super) fn charge(&mut self, id: u128, charged: Charged) {
        let person = &mut self.people[charged.person];
        person.wallet -= charged.collected;
        person.charged += charged.collected;
        person.cap.spend(charged.collected, charged.day);
        if charged.is_limited {
            self.limits[charged.person].spend(charged.collected, charged.day);
        }
        if let Some(at) = charged.partner {
            person.earned[at] += charged.commission;
            self.partners[at].earnings += charged.commission;
            *self.partners[at].by_day.entry(charged.day).or_default() += charged.commission;
        }
        self.charges.insert(id, charged);
    }

    /// An order comes to stand so.
    pub(super) fn settle(&mut self, id: OrderId, is: Stand) {
        let order = self.orders.get_mut(&id).unwrap();
        let person = &mut self.people[order.person];
        let was = std::mem::replace(&mut order.stand, is);
        person.wallet += is.granted - was.granted;
        let more = is.taken - was.taken;
        let mut owed = 0;
        if more >= 0 {
            let of_frozen = more.min(order.frozen);
            let of_wallet = (more - of_frozen).min(person.wallet);
            order.frozen -= of_frozen;
            person.wallet -= of_wallet;
            owed = more - of_frozen - of_wallet;
        } else {
            person.wallet -= more;
        }
        let expected = (was.frozen - more.max(0)).max(0);
        let freeze = if is.frozen > expected {
            (is.frozen - expected).min(person.wallet)
        } else {
            -(order.frozen - is.frozen).max(0)
        };
        order.frozen += freeze;
        person.wallet -= freeze;
        person.debt += owed;
        let settled = person.debt.min(person.wallet);
        person.wallet -= settled;
        person.debt -= settled;
        let (who, debt) = (order.person, person.debt);
        self.follow(who, owed - settled, debt);
    }

    /// Commission follows a change of what a person owes, who owes `debt` after it.
    fn follow(&mut self, who: usize, change: i128, debt: i128) {
        let person = &mut self.people[who];
        let outstanding = debt - change;
        for (at, partner) in self.partners.iter_mut().enumerate() {
            let left = person.earned[at] - person.returned[at];
            let part = if change > 0 && person.charged > 0 {
                (person.earned[at] * change.min(person.charged) / person.charged).min(left)
            } else if change < 0 {
                -(person.returned[at] * -change / outstanding)
            } else {
                0
            };
            self.returns.0 += usize::from(part > 0);
            self.returns.1 += usize::from(part < 0);
            person.returned[at] += part;
            partner.taken_back += part;
            if part >= 0 {
                let there = part.min(partner.earnings);
                partner.earnings -= there;
                partner.debt += part - there;
            } else {
                partner.earnings -= part;
                partner.settle();
            }
        }
    }
}

impl Partner {
    pub(super) fn settle(&mut self) {
        let paid = self.debt.min(self.earnings);
        self.debt -= paid;
        self.earnings -= paid;
    }

    /// What may be paid out today.
    pub(super) fn matured(&self, today: u64) -> i128 {
        let matured: i128 =
            self.by_day.iter().filter(|(day, _)| *day + MATURES_DAYS < today).map(|(_, part)| part).sum();
        (matured - self.taken_back - self.paid_out).min(self.earnings - self.debt).max(0)
    }

    pub(super) fn earned(&self) -> i128 {
        self.by_day.values().sum()
    }

    pub(super) const fn taken_back(&self) -> i128 {
        self.taken_back
    }
}
