//! What may happen, and sequences of it.

use opencredits_testkit::FixedRandom;
use std::fmt;

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// A person begins a purchase.
    Buy { who: usize, minor: i64, in_euros: bool, saves: bool },
    /// Something happens to an order at the processor; of orders there are some, and this is one of them.
    Happen { order: usize, event: Event },
    /// The order is read, as after a webhook.
    Hear { order: usize },
    /// Everything is walked.
    Reconcile,
    /// A request, through the key of this number.
    Ask { who: usize, key: usize, tokens: u32, how: How },
    /// Top-ups below this balance, in cents.
    Rule { who: usize, threshold: i64 },
    /// The job that tops balances up.
    TopUps,
    /// The operator refunds so many percent of what is left of an order.
    Refund { order: usize, percent: i64 },
    /// The operator corrects a balance.
    Correct { who: usize, kind: Kind, cents: i64 },
    /// The operator gives back so many percent of what a request was charged.
    GiveBack { who: usize, charge: usize, percent: i64 },
    /// A partner is paid out so many percent of what has matured.
    PayOut { partner: usize, percent: i64 },
    /// The person's cap, or the limit of one of their keys, in cents.
    Limit { who: usize, of_key: bool, cents: i64 },
    /// A person or a partner is suspended, or that ends.
    Suspend { which: usize, is_partner: bool, is_suspended: bool },
    /// Time passes.
    Pass { hours: u64 },
    /// The process dies and another one begins.
    Crash,
}

/// What happens at the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Pay,
    PayLater,
    Decline,
    Expire,
    Refund { percent: i64, is_pending: bool },
    RefundFails,
    OpenDispute { percent: i64 },
    EndDispute { which: usize, is_won: bool },
}

/// How an answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Whole,
    Streamed,
    /// The client leaves after so many pieces.
    Abandoned(usize),
}

/// The way of a correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Take,
    Add,
    Deduct,
}

/// A deed, and after how many polls of it the process dies, where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) deed: Deed,
    pub(super) dies_after: Option<u32>,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.dies_after {
            Some(polls) => write!(f, "{:?}, and the process dies after {polls} polls", self.deed),
            None => write!(f, "{:?}", self.deed),
        }
    }
}

struct Dice(FixedRandom);

impl Dice {
    fn roll(&self, sides: u64) -> u64 {
        self.0.next() % sides
    }

    fn size(&self, sides: u64) -> usize {
        usize::try_from(self.roll(sides)).unwrap()
    }

    fn number(&self, from: i64, sides: u64) -> i64 {
        from + i64::try_from(self.roll(sides)).unwrap()
    }

    fn is(&self, one_in: u64) -> bool {
        self.roll(one_in) == 0
    }

    fn event(&self) -> Event {
        match self.roll(16) {
            0..=5 => Event::Pay,
            6 => Event::PayLater,
            7 => Event::Decline,
            8 => Event::Expire,
            9 | 10 => Event::Refund { percent: self.percent(), is_pending: self.is(2) },
            11 => Event::RefundFails,
            12 | 13 => Event::OpenDispute { percent: self.percent() },
            _ => Event::EndDispute { which: self.size(2), is_won: self.is(2) },
        }
    }

    /// A third of the time all of it.
    fn percent(&self) -> i64 {
        if self.is(3) { 100 } else { self.number(1, 100) }
    }

    fn how(&self) -> How {
        match self.roll(4) {
            0 => How::Streamed,
            1 => How::Abandoned(self.size(6)),
            _ => How::Whole,
        }
    }

    fn deed(&self) -> Deed {
        let who = self.size(2);
        match self.roll(38) {
            0..=4 => Deed::Buy { who, minor: self.number(200, 4_000), in_euros: self.is(3), saves: self.is(2) },
            5..=12 => Deed::Happen { order: self.size(8), event: self.event() },
            13..=16 => Deed::Hear { order: self.size(8) },
            17 => Deed::Reconcile,
            18..=23 => Deed::Ask {
                who,
                key: self.size(3),
                tokens: u32::try_from(self.number(1, 400)).unwrap(),
                how: self.how(),
            },
            24 => Deed::Rule { who, threshold: self.number(100, 1_500) },
            25 => Deed::TopUps,
            26 => Deed::Refund { order: self.size(8), percent: self.percent() },
            27 => {
                let kind = [Kind::Take, Kind::Add, Kind::Deduct][self.size(3)];
                Deed::Correct { who, kind, cents: self.number(1, 800) }
            }
            28 => Deed::GiveBack { who, charge: self.size(8), percent: self.percent() },
            29 | 30 => {
                let percent = if self.is(2) { 100 } else { self.number(20, 150) };
                Deed::PayOut { partner: self.size(2), percent }
            }
            31 => Deed::Limit { who, of_key: self.is(2), cents: self.number(1, 5_000) },
            32 => match self.roll(3) {
                0 => Deed::Suspend { which: self.size(2), is_partner: self.is(2), is_suspended: self.is(3) },
                1 => Deed::Crash,
                _ => Deed::Pass { hours: self.roll(40) * 24 },
            },
            33 | 34 => {
                let tokens = u32::try_from(self.number(1, 400)).unwrap();
                Deed::Ask { who, key: 1 + self.size(2), tokens, how: How::Whole }
            }
            _ => Deed::Pass { hours: 24 + self.roll(100) },
        }
    }
}

/// The last of the orders or charges that there are.
pub(super) const LAST: usize = 1_000;

impl Dice {
    /// Deeds that belong together: what happens seldom by chance alone.
    fn story(&self) -> Vec<Deed> {
        let who = self.size(2);
        let order = LAST;
        let happen = |event| Deed::Happen { order, event };
        let (hear, pay) = (Deed::Hear { order }, happen(Event::Pay));
        let buy = Deed::Buy { who, minor: self.number(200, 4_000), in_euros: self.is(3), saves: self.is(2) };
        let some = || u32::try_from(self.number(50, 350)).unwrap();
        let ask = |key| Deed::Ask { who, key, tokens: some(), how: How::Whole };
        let part = || happen(Event::OpenDispute { percent: self.number(10, 50) });
        let end = || happen(Event::EndDispute { which: self.size(2), is_won: self.is(2) });
        let refund = |is_pending| happen(Event::Refund { percent: self.percent(), is_pending });
        match self.roll(8) {
            0 => vec![buy, pay, hear, ask(1), ask(2)],
            1 => vec![buy, pay, hear, ask(self.size(3)), part(), hear, part(), hear, end(), hear],
            2 => vec![part(), part(), hear, end(), hear, end(), hear],
            3 => vec![refund(true), hear, happen(Event::RefundFails), hear],
            6 => {
                let saved = Deed::Buy { who, minor: self.number(200, 1_000), in_euros: false, saves: true };
                let rule = Deed::Rule { who, threshold: self.number(500, 4_000) };
                vec![saved, pay, hear, rule, Deed::TopUps, ask(0), Deed::TopUps, Deed::TopUps]
            }
            // A debt, and what settles it.
            4 => vec![buy, pay, hear, ask(1), ask(2), refund(false), hear, buy, pay, hear],
            5 => {
                let back = || Deed::GiveBack { who, charge: LAST, percent: self.percent() };
                vec![ask(self.size(3)), back(), back()]
            }
            _ => {
                let out = |partner| Deed::PayOut { partner, percent: [100, 100, 130][self.size(3)] };
                let pass = Deed::Pass { hours: 24 * 5 };
                vec![ask(1), ask(2), pass, out(0), out(1), refund(false), hear, ask(1), pass, out(0)]
            }
        }
    }
}

/// The sequence of a seed: stories, and what else happens between.
pub(super) fn sequence(seed: u64, length: usize) -> Vec<Step> {
    let dice = Dice(FixedRandom::seeded(seed.wrapping_mul(0x9e37_79b9).wrapping_add(1)));
    let mut deeds = Vec::new();
    while deeds.len() < length {
        if dice.is(3) {
            deeds.extend(dice.story());
        } else {
            deeds.push(dice.deed());
        }
    }
    let step = |deed| Step { deed, dies_after: dice.is(10).then(|| u32::try_from(dice.roll(14)).unwrap()) };
    deeds.into_iter().map(step).collect()
}
