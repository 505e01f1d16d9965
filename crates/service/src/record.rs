//! The usage record of one generation: the memo of its ledger entry.
//!
//! It has everything that a person needs to recompute the bill, and no content.

use opencredits_catalog::{BookVersion, Charge, Item, Terms};
use opencredits_ledger::MEMO_BYTES_MAX;
use opencredits_providers::Dialect;
use opencredits_units::{BasisPoints, Bucket, KeyId, NanoUsd, PicoUsd, Rate, Tokens, ToolUse, Usage};
use serde::{Deserialize, Serialize};

/// The version of the encoding, which is the first byte of each record.
const VERSION: u8 = 6;
/// Room for the usual memo, so that it does not grow while it is written.
const USUAL_MEMO_BYTES: usize = 256;
/// The longest name from a peer, in bytes, so that a record stays a small row.
const NAME_BYTES_MAX: usize = 64;
/// The number of the first tool in [`Line::what`].
const TOOL_BASE: u8 = 64;

/// Numbers of [`Line::what`] for the difference between the cost that a vendor reports and the book's.
const FEES: u8 = 128;
const DISCOUNT: u8 = 129;

/// The source of a usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UsageSource {
    /// The provider reported it.
    Reported,
    /// It was estimated from the request and the output, because the exchange broke off or the provider reported none.
    Estimated,
    /// The provider's counts contradict each other: nothing is charged, and the log reports it.
    Quarantined,
    /// Nothing was produced, and nothing is charged.
    NothingProduced,
    /// The provider reported counts that cannot be: what can be believed is charged, within the hold.
    Implausible,
}

/// One line of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    what: u8,
    quantity: u64,
    rate: u64,
}

impl Line {
    /// `quantity` tokens or uses at `rate` each.
    #[must_use]
    pub fn new(what: Item, quantity: Tokens, rate: Rate) -> Self {
        let index = match what {
            Item::Tokens(bucket) => bucket.index(),
            Item::Uses(tool) => tool.index().saturating_add(usize::from(TOOL_BASE)),
        };
        Self { what: u8::try_from(index).unwrap_or(u8::MAX), quantity: quantity.get(), rate: rate.get() }
    }

    /// The difference between the cost that a vendor reports and the cost by the book: fees that the book does not know, or a
    /// discount.
    #[must_use]
    pub fn difference(amount: PicoUsd) -> Self {
        let what = if amount < PicoUsd::ZERO { DISCOUNT } else { FEES };
        Self { what, quantity: 1, rate: u64::try_from(amount.get().unsigned_abs()).unwrap_or(u64::MAX) }
    }

    /// The name of the item, as bills show it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.what {
            FEES => "provider_fees",
            DISCOUNT => "provider_discount",
            _ => self.what().map_or("unknown", |what| what.name()),
        }
    }

    /// The item; `None` for a difference, and in a record of a newer program.
    #[must_use]
    pub fn what(&self) -> Option<Item> {
        let tokens = Bucket::ALL.get(usize::from(self.what)).copied().map(Item::Tokens);
        tokens.or_else(|| {
            let tool = usize::from(self.what.checked_sub(TOOL_BASE)?);
            ToolUse::ALL.get(tool).copied().map(Item::Uses)
        })
    }

    /// The quantity.
    #[must_use]
    pub const fn quantity(&self) -> Tokens {
        Tokens::new(self.quantity)
    }

    /// The price of one unit.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        Rate::new(self.rate)
    }

    /// Whether it counts input tokens.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(self.what(), Some(Item::Tokens(bucket)) if bucket.is_input())
    }

    /// Whether it is taken off the cost.
    #[must_use]
    pub const fn is_discount(&self) -> bool {
        self.what == DISCOUNT
    }

    /// Whether it is a fee of the vendor that the price book does not know.
    #[must_use]
    pub const fn is_fees(&self) -> bool {
        self.what == FEES
    }

    /// Quantity × rate; negative for a discount.
    #[must_use]
    pub fn amount(&self) -> PicoUsd {
        let amount = self.rate().times(self.quantity()).unwrap_or_default();
        if self.is_discount() { PicoUsd::new(amount.get().saturating_neg()) } else { amount }
    }
}

/// Lines that are billed on another model than the requested one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideBill {
    /// The model.
    pub model: String,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A failed exchange with a provider, which is not charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// The vendor.
    pub vendor: String,
    /// The HTTP status; 0 where there was no response.
    pub status: u16,
    /// The time of its end, in ms since the request began.
    pub ms: u32,
}

/// The record of a generation. Its id, time and account are those of its ledger entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationRecord {
    /// The key that paid.
    #[serde(with = "bits")]
    pub key: KeyId,
    /// The API of the request.
    #[serde(with = "dialect")]
    pub api: Dialect,
    /// The model, as the catalogue names it.
    pub model: String,
    /// The vendor that served it.
    pub vendor: String,
    /// The provider's own id of the answer; empty where there is none.
    pub upstream_id: String,
    /// The provider's own finish reason; empty where there is none.
    #[serde(with = "crate::record_words")]
    pub native_finish: String,
    /// The service tier of the answer, where the provider reports one.
    #[serde(with = "crate::record_words")]
    pub tier: String,
    /// Version of the price book.
    pub price_book: BookVersion,
    /// Whether the answer was streamed.
    pub streamed: bool,
    /// Whether the client disconnected before the end.
    pub cancelled: bool,
    /// The source of the usage.
    pub source: UsageSource,
    /// The time to the first byte of the answer, in ms.
    pub latency_ms: u32,
    /// The time to the end, in ms.
    pub duration_ms: u32,
    /// The bill, line by line.
    pub lines: Vec<Line>,
    /// The bill of other models.
    pub side_bills: Vec<SideBill>,
    /// The markup.
    pub markup: BasisPoints,
    /// The partner's share of it.
    pub partner_share: BasisPoints,
    /// Provider's cost.
    #[serde(with = "nano")]
    pub cost: NanoUsd,
    /// The charge: cost, margin and commission together.
    #[serde(with = "nano")]
    pub total: NanoUsd,
    /// Failed attempts before the one that is billed.
    pub failed_attempts: Vec<AttemptRecord>,
    /// The input and output tokens that the provider reported, where they were not believed.
    pub reported: Option<(Tokens, Tokens)>,
}

/// The members up to [`GenerationRecord::source`], as they are encoded.
type UpToSource = ([u8; 16], u8, [String; 5], BookVersion, bool, bool, UsageSource);

/// A memo is no record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Written by a newer program.
    #[error("the usage record has form {found}, this program knows {VERSION}; upgrade it")]
    Version {
        /// The version that was found.
        found: u8,
    },
    /// Not a record at all.
    #[error("the usage record cannot be read; run `ledger verify`")]
    Malformed,
}

impl GenerationRecord {
    /// The record as the memo of a ledger entry. One that is longer than a memo may be is shortened: first the bills of
    /// other models are summed up by model, then their last lines and the first failed attempts are left out. `cost` and
    /// `total` are always those of the whole.
    ///
    /// # Errors
    /// When the record cannot be encoded, which no value causes.
    pub fn to_memo(&self) -> Result<Vec<u8>, RecordError> {
        let encode = |record: &Self| {
            let mut memo = Vec::with_capacity(USUAL_MEMO_BYTES);
            memo.push(VERSION);
            postcard::to_extend(record, memo).map_err(|_| RecordError::Malformed)
        };
        let memo = encode(self)?;
        if memo.len() <= MEMO_BYTES_MAX {
            return Ok(memo);
        }
        let mut short = Self { side_bills: summed(&self.side_bills), ..self.clone() };
        loop {
            let memo = encode(&short)?;
            if memo.len() <= MEMO_BYTES_MAX {
                return Ok(memo);
            }
            // Each round leaves out half, so that a long record does not cost much time.
            let (bills, attempts, lines) = (short.side_bills.len(), short.failed_attempts.len(), short.lines.len());
            if bills > 0 {
                short.side_bills.truncate(bills / 2);
            } else if attempts > 0 {
                short.failed_attempts.drain(..attempts.div_ceil(2));
            } else if lines > 0 {
                short.lines.truncate(lines / 2);
            } else {
                return Err(RecordError::Malformed);
            }
        }
    }

    /// Decodes a memo.
    ///
    /// # Errors
    /// When the memo was written by a newer program, or is no record.
    pub fn from_memo(memo: &[u8]) -> Result<Self, RecordError> {
        match memo.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(|_| RecordError::Malformed),
            // The fourth version wrote every word in full; the fifth knew price books with a date only.
            Some((4 | 5, rest)) => postcard::from_bytes(rest).map_err(|_| RecordError::Malformed),
            // The third version ended before the reported tokens.
            Some((3, rest)) => postcard::from_bytes(&[rest, &[0]].concat()).map_err(|_| RecordError::Malformed),
            Some((2, rest)) => Self::from_second_form(&[rest, &[0]].concat()),
            // The first version ended before the failed attempts.
            Some((1, rest)) => Self::from_second_form(&[rest, &[0, 0]].concat()),
            Some((&found, _)) => Err(RecordError::Version { found }),
            None => Err(RecordError::Malformed),
        }
    }

    /// Before the third version the number of exchanges, a byte, followed the source.
    fn from_second_form(body: &[u8]) -> Result<Self, RecordError> {
        let read = || {
            let (_, after) = postcard::take_from_bytes::<UpToSource>(body).ok()?;
            let head = body.get(..body.len().checked_sub(after.len())?)?;
            postcard::from_bytes(&[head, after.get(1..)?].concat()).ok()
        };
        read().ok_or(RecordError::Malformed)
    }

    /// The usage that the lines count.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for line in &self.lines {
            match line.what() {
                Some(Item::Tokens(bucket)) => usage.set(bucket, line.quantity()),
                Some(Item::Uses(tool)) => usage.set_uses(tool, line.quantity()),
                None => {}
            }
        }
        usage
    }

    /// The charge when all is collected. It is computed, since a record stores nothing twice.
    #[must_use]
    pub fn charge(&self) -> Charge {
        let Self { cost, total, markup, partner_share, .. } = *self;
        let split = Terms { markup, partner_share }.split(cost, total);
        split.unwrap_or(Charge { cost, margin: NanoUsd::ZERO, commission: NanoUsd::ZERO, total })
    }
}

impl GenerationRecord {
    /// The commission where this much was collected, as the ledger posts it.
    #[must_use]
    pub fn commission_on(&self, collected: NanoUsd) -> NanoUsd {
        let whole = self.charge().commission;
        if collected < self.total { whole.scaled_down(collected, self.total).unwrap_or_default() } else { whole }
    }
}

/// The bills of other models, one for each model, with one line for each item and rate.
fn summed(bills: &[SideBill]) -> Vec<SideBill> {
    let mut sums: Vec<SideBill> = Vec::new();
    for bill in bills {
        let known = sums.iter().position(|sum| sum.model == bill.model);
        let at = known.unwrap_or_else(|| {
            sums.push(SideBill { model: bill.model.clone(), lines: Vec::new() });
            sums.len().saturating_sub(1)
        });
        let Some(sum) = sums.get_mut(at) else { continue };
        for line in &bill.lines {
            match sum.lines.iter_mut().find(|known| (known.what, known.rate) == (line.what, line.rate)) {
                Some(known) => known.quantity = known.quantity.saturating_add(line.quantity),
                None => sum.lines.push(*line),
            }
        }
    }
    sums
}

/// A name from a peer, cut to the longest that a record keeps.
#[must_use]
pub fn name_of_peer(name: &str) -> String {
    name.get(..name.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default().to_owned()
}

/// A [`NanoUsd`] as a varint, where [`NanoUsd`] itself writes a decimal string.
mod nano {
    use opencredits_units::NanoUsd;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(amount: &NanoUsd, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(amount.get())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NanoUsd, D::Error> {
        i64::deserialize(deserializer).map(NanoUsd::new)
    }
}

/// A [`KeyId`] as its 16 bytes, where it writes itself as text and a varint would take three bytes more.
mod bits {
    use opencredits_units::KeyId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(id: &KeyId, serializer: S) -> Result<S::Ok, S::Error> {
        id.bits().to_be_bytes().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KeyId, D::Error> {
        <[u8; 16]>::deserialize(deserializer).map(|bytes| KeyId::from_bits(u128::from_be_bytes(bytes)))
    }
}

/// A [`Dialect`] as one byte.
mod dialect {
    use opencredits_providers::Dialect;
    use serde::de::{Deserializer, Error, Unexpected};
    use serde::{Deserialize, Serializer};

    /// The index of a dialect is its byte: append only.
    const CODES: [Dialect; 6] = [
        Dialect::OpenaiChat,
        Dialect::AnthropicMessages,
        Dialect::OpenaiResponses,
        Dialect::GeminiGenerate,
        Dialect::OpenaiEmbeddings,
        Dialect::CohereChat,
    ];

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(dialect: &Dialect, serializer: S) -> Result<S::Ok, S::Error> {
        let code = CODES.iter().position(|known| known == dialect).and_then(|code| u8::try_from(code).ok());
        serializer.serialize_u8(code.unwrap_or(u8::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Dialect, D::Error> {
        let code = u8::deserialize(deserializer)?;
        let unknown = || D::Error::invalid_value(Unexpected::Unsigned(code.into()), &"the code of a dialect");
        CODES.get(usize::from(code)).copied().ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencredits_units::UnixMs;

    fn record() -> GenerationRecord {
        GenerationRecord {
            key: KeyId::at(UnixMs::new(1_790_000_000_000), [9; 10]),
            api: Dialect::OpenaiChat,
            model: "author/some-model-5-mini".to_owned(),
            vendor: "vendor".to_owned(),
            upstream_id: "chatcmpl-BxYzAbCdEfGhIjKlMnOpQrStUvWx1".to_owned(),
            native_finish: "stop".to_owned(),
            tier: "default".to_owned(),
            price_book: BookVersion::parse("2026-07-02.1").unwrap(),
            streamed: true,
            cancelled: false,
            source: UsageSource::Reported,
            latency_ms: 412,
            duration_ms: 2_950,
            lines: vec![
                Line::new(Item::Tokens(Bucket::InputUncached), Tokens::new(2_500), Rate::new(1_750_000)),
                Line::new(Item::Tokens(Bucket::Output), Tokens::new(2_500), Rate::new(14_000_000)),
                Line::new(Item::Uses(ToolUse::WebSearch), Tokens::new(2), Rate::new(10_000_000_000)),
            ],
            side_bills: vec![],
            markup: BasisPoints::new(2_500),
            partner_share: BasisPoints::new(5_000),
            cost: NanoUsd::new(39_375_000),
            total: NanoUsd::new(49_218_750),
            failed_attempts: vec![],
            reported: None,
        }
    }

    #[test]
    fn a_record_survives_its_memo_and_stays_small() {
        let memo = record().to_memo().unwrap();
        assert_eq!(GenerationRecord::from_memo(&memo), Ok(record()));
        assert!(memo.len() <= 160, "{} bytes", memo.len());
    }

    #[test]
    fn records_of_older_forms_are_read() {
        let memo = record().to_memo().unwrap();
        let body = &memo[1..];
        let (_, after) = postcard::take_from_bytes::<UpToSource>(body).unwrap();
        let third = [&[3], &body[..body.len() - 1]].concat();
        assert_eq!(GenerationRecord::from_memo(&third), Ok(record()));
        let second = [&[2], &body[..body.len() - after.len()], &[1], &after[..after.len() - 1]].concat();
        assert_eq!(GenerationRecord::from_memo(&second), Ok(record()));
        let first = [&[1], &second[1..second.len() - 1]].concat();
        assert_eq!(GenerationRecord::from_memo(&first), Ok(record()));
        for cut in 0..second.len() {
            assert!(GenerationRecord::from_memo(&second[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn words_survive_and_a_form_that_wrote_them_in_full_is_read() {
        for word in ["stop", "end_turn", "default", "", "eos", "\u{e9}", "x", "STOP", "batch"] {
            let of = GenerationRecord { native_finish: word.to_owned(), tier: word.to_owned(), ..record() };
            assert_eq!(GenerationRecord::from_memo(&of.to_memo().unwrap()), Ok(of), "{word}");
        }
        let unknown = GenerationRecord { native_finish: "pots".to_owned(), ..record() };
        let mut fourth = unknown.to_memo().unwrap();
        let at = memchr::memmem::find(&fourth, b"pots").unwrap();
        fourth[0] = 4;
        fourth[at..at + 4].copy_from_slice(b"stop");
        assert_eq!(GenerationRecord::from_memo(&fourth), Ok(record()));
    }

    #[test]
    fn a_record_that_is_too_long_is_shortened_and_its_total_stays() {
        let line = |quantity| Line::new(Item::Tokens(Bucket::Output), Tokens::new(quantity), Rate::new(14_000_000));
        let bill = |model: String| SideBill { model, lines: vec![line(1_000_000); 6] };
        let check = |side_bills: Vec<SideBill>, expect: usize| {
            let long = GenerationRecord { side_bills, ..record() };
            let memo = long.to_memo().unwrap();
            assert!(memo.len() <= MEMO_BYTES_MAX, "{} bytes", memo.len());
            let short = GenerationRecord::from_memo(&memo).unwrap();
            assert_eq!((short.total, short.cost), (long.total, long.cost));
            assert_eq!(short.side_bills.len(), expect);
            short.side_bills
        };
        let summed = check(vec![bill("author/same".to_owned()); 100], 1);
        assert_eq!(summed[0].lines, [line(600_000_000)], "one line for each item and rate");
        check((0..1_000).map(|at| bill(format!("author/model-{at}"))).collect(), 125);
        let attempt = AttemptRecord { vendor: "v".repeat(64), status: 500, ms: 1 };
        let long = GenerationRecord { failed_attempts: vec![attempt; 200], ..record() };
        assert!(long.to_memo().unwrap().len() <= MEMO_BYTES_MAX);
    }

    #[test]
    fn the_parts_of_a_charge_add_up_to_its_total() {
        let charge = record().charge();
        let parts = [charge.cost, charge.margin, charge.commission].map(NanoUsd::get);
        assert_eq!(parts, [39_375_000, 4_921_875, 4_921_875]);
        assert_eq!(charge.total, NanoUsd::new(49_218_750));
        let earned = |collected| record().commission_on(NanoUsd::new(collected)).get();
        assert_eq!([earned(49_218_750), earned(10_000_000), earned(0)], [4_921_875, 1_000_000, 0]);
    }

    #[test]
    fn the_usage_of_a_record_is_what_was_billed() {
        let usage = record().usage();
        assert_eq!(usage.get(Bucket::Output), Some(Tokens::new(2_500)));
        assert_eq!(usage.get(Bucket::CacheRead), None);
        assert_eq!(usage.uses(ToolUse::WebSearch), Some(Tokens::new(2)));
    }

    #[test]
    fn a_record_of_a_newer_program_says_so() {
        assert_eq!(GenerationRecord::from_memo(&[9, 1]), Err(RecordError::Version { found: 9 }));
        assert_eq!(GenerationRecord::from_memo(&[]), Err(RecordError::Malformed));
        assert_eq!(GenerationRecord::from_memo(&[VERSION, 1]), Err(RecordError::Malformed));
    }

    #[test]
    fn a_long_name_of_a_peer_is_cut_between_letters() {
        assert_eq!(name_of_peer("short"), "short");
        assert_eq!(name_of_peer(&"é".repeat(50)).len(), NAME_BYTES_MAX);
    }
}
