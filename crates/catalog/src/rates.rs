//! Rates for each bucket, with what stands in for a rate that is missing.

use opencredits_units::{Bucket, Rate};

/// Rates as a price list states them: some may be missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct StatedRates([Option<Rate>; Bucket::COUNT]);

/// A rate for every bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rates([Rate; Bucket::COUNT]);

/// What a bucket without a rate of its own costs, tried in this order. Never nothing: a provider bills every token.
const fn stand_ins(bucket: Bucket) -> &'static [Bucket] {
    use Bucket as B;
    match bucket {
        B::InputUncached | B::Output => &[],
        B::CacheWrite5m => &[B::CacheWriteOther, B::InputUncached],
        B::CacheWrite1h => &[B::CacheWrite5m, B::CacheWriteOther, B::InputUncached],
        B::CacheWriteOther => &[B::CacheWrite5m, B::InputUncached],
        B::InputAudioCached => &[B::InputAudio, B::InputUncached],
        B::CacheRead | B::InputAudio | B::InputImage | B::InputVideo | B::InputToolPrompt => &[B::InputUncached],
        B::Reasoning | B::OutputAudio | B::OutputImage => &[B::Output],
    }
}

impl StatedRates {
    pub(crate) fn get(&self, bucket: Bucket) -> Option<Rate> {
        self.0.get(bucket.index()).copied().flatten()
    }

    pub(crate) fn set(&mut self, bucket: Bucket, rate: Rate) {
        if let Some(slot) = self.0.get_mut(bucket.index()) {
            *slot = Some(rate);
        }
    }

    /// These rates, and `under` where they say nothing.
    pub(crate) fn over(&self, under: &Self) -> Self {
        let mut merged = *under;
        for bucket in Bucket::ALL {
            if let Some(rate) = self.get(bucket) {
                merged.set(bucket, rate);
            }
        }
        merged
    }

    /// These rates, each scaled by what `to` is of `from` in its bucket, rounded up; what cannot be scaled is
    /// that of `to`.
    pub(crate) fn scaled(&self, from: &Self, to: &Self) -> Self {
        let mut scaled = to.over(self);
        for bucket in Bucket::ALL {
            let (Some(rate), Some(from), Some(to)) = (self.get(bucket), from.get(bucket), to.get(bucket)) else {
                continue;
            };
            if let Some(rate) = scale(rate, from, to) {
                scaled.set(bucket, rate);
            }
        }
        scaled
    }

    /// A rate for every bucket; `None` when input or output has none.
    pub(crate) fn complete(&self) -> Option<Rates> {
        let mut rates = [Rate::FREE; Bucket::COUNT];
        for bucket in Bucket::ALL {
            let stand_in = || stand_ins(bucket).iter().find_map(|other| self.get(*other));
            *rates.get_mut(bucket.index())? = self.get(bucket).or_else(stand_in)?;
        }
        Some(Rates(rates))
    }
}

fn scale(rate: Rate, from: Rate, to: Rate) -> Option<Rate> {
    let product = u128::from(rate.get()).checked_mul(u128::from(to.get()))?;
    let from = u128::from(from.get());
    if from == 0 {
        return None;
    }
    u64::try_from(product.div_ceil(from)).ok().map(Rate::new)
}

impl Rates {
    pub(crate) fn of(&self, bucket: Bucket) -> Rate {
        self.0.get(bucket.index()).copied().unwrap_or_default()
    }
}
