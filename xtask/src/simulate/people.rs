//! The persons: how often each asks, and where their wallets are.

use super::numbers::{Random, hashed, part_of};
use super::parameters::{Order, Parameters};

/// The sum of all shares.
const WHOLE: u64 = 1 << 53;

/// Persons with the shares of Zipf's law. A person's number says nothing of the share: wallets are opened in any order.
pub(super) struct People {
    /// For each rank, the sum of the shares up to it.
    sums: Vec<u64>,
    /// The person of each rank.
    ranked: Vec<usize>,
    shards: usize,
    gateways: usize,
    /// Where persons ask in turn: how many have.
    turn: Option<usize>,
}

impl People {
    pub(super) fn new(parameters: &Parameters, random: &mut Random) -> Self {
        let mut ranked: Vec<usize> = (0..parameters.persons).collect();
        for last in (1..ranked.len()).rev() {
            ranked.swap(last, random.place(last.saturating_add(1)));
        }
        let sums = sums(parameters.persons, parameters.skew);
        let turn = (parameters.order == Order::Turn).then_some(0);
        Self { sums, ranked, shards: parameters.shards, gateways: parameters.gateways, turn }
    }

    /// The person of the next request.
    pub(super) fn draw(&mut self, random: &mut Random) -> usize {
        if let Some(turn) = &mut self.turn {
            let person = turn.checked_rem(self.ranked.len()).unwrap_or_default();
            *turn = turn.wrapping_add(1);
            return person;
        }
        let whole = self.sums.last().copied().unwrap_or_default();
        let at = random.below(whole);
        let rank = self.sums.partition_point(|sum| *sum <= at);
        self.ranked.get(rank).copied().unwrap_or_default()
    }

    /// The shard that the ids of a person's accounts name.
    pub(super) fn shard(&self, person: usize) -> usize {
        hashed(person, usize::MAX, self.shards)
    }

    /// The gateway to which all requests of a person go, where there is one.
    pub(super) fn home(&self, person: usize) -> usize {
        hashed(person, usize::MAX - 1, self.gateways)
    }
}

/// The sums of the shares 1 ÷ rank ^ exponent, as whole numbers.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "shares are made once, and are positive and below 2^53"
)]
fn sums(persons: usize, skew: u32) -> Vec<u64> {
    let exponent = f64::from(skew) / 100.0;
    let shares: Vec<f64> = (1..=persons).map(|rank| (rank as f64).powf(-exponent)).collect();
    let whole: f64 = shares.iter().sum();
    let mut sum = 0_u64;
    let part = |share: f64| ((share / whole * WHOLE as f64) as u64).max(1);
    shares
        .into_iter()
        .map(|share| {
            sum = sum.saturating_add(part(share));
            sum
        })
        .collect()
}

/// The hundredths of a percent of all requests that the most frequent person makes.
pub(super) fn highest_share(parameters: &Parameters) -> u64 {
    let sums = sums(parameters.persons, parameters.skew);
    let whole = sums.last().copied().unwrap_or(1).max(1);
    sums.first().map_or(0, |first| part_of(*first, 10_000, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_the_law() {
        let one = sums(3, 100);
        let share = |rank: usize| one[rank] - if rank == 0 { 0 } else { one[rank - 1] };
        assert!(share(0).abs_diff(share(1) * 2) <= 2, "the second has a half of the first");
        assert!(share(0).abs_diff(share(2) * 3) <= 3, "the third has a third of it");
        let even = sums(4, 0);
        assert!(even[0].abs_diff(even[3] - even[2]) <= 1, "without skew all are the same");
    }
}
