//! Makes the tables from texts, of which a tokenizer says where tokens begin.

use crate::context::Context;
use crate::slot::Slot;
use crate::tables::{ALONE, CAPITALS, LETTERS, ONE, PAIRS, Tables, WIDE_STEP, wide_place};
use std::collections::HashMap;

/// Tokens that began at a slot, and how often the slot was met.
#[derive(Default, Clone, Copy)]
struct Seen {
    tokens: f64,
    times: f64,
}

impl Seen {
    fn add(&mut self, tokens: f64) {
        self.tokens += tokens;
        self.times += 1.0;
    }

    /// The mean, drawn towards `prior` where little was seen.
    fn mean(self, prior: f64) -> f64 {
        (self.tokens + prior) / (self.times + 1.0)
    }
}

/// A text, and the number of tokens that begin within each of its characters.
pub struct Sample {
    /// The characters.
    pub chars: Vec<char>,
    /// As many numbers.
    pub starts: Vec<u8>,
}

/// Makes the tables.
pub struct Fit {
    /// The tables in one piece.
    tables: Vec<u8>,
    alone: HashMap<char, u8>,
    joined: Vec<(char, char)>,
}

impl Fit {
    /// `alone`: the tokens of each character by itself. `joined`: the pairs of characters that one token of the vocabulary
    /// has side by side.
    #[must_use]
    pub fn new(alone: HashMap<char, u8>, joined: Vec<(char, char)>) -> Self {
        Self { tables: vec![0; Tables::BYTES], alone, joined }
    }

    /// Goes through the samples once. The context depends on the tables, so a few rounds are needed.
    pub fn round(&mut self, samples: &[Sample]) {
        let mut dense = vec![Seen::default(); LETTERS + CAPITALS + PAIRS];
        let mut wide: HashMap<(char, char), [Seen; 2]> = HashMap::new();
        let Some(tables) = Tables::of(&self.tables) else { return };
        for sample in samples {
            let mut context = Context::default();
            for (c, starts) in sample.chars.iter().zip(&sample.starts) {
                let tokens = f64::from(*starts);
                match context.slot(*c) {
                    Slot::Letters(at) => dense[at].add(tokens),
                    Slot::Capitals(at) => dense[LETTERS + at].add(tokens),
                    Slot::Pairs(at) => dense[LETTERS + CAPITALS + at].add(tokens),
                    Slot::Digit { .. } => {}
                    Slot::Wide { before, here, level, otherwise } => {
                        wide.entry((before, here)).or_default()[usize::from(level)].add(tokens);
                        if let Some(at) = otherwise {
                            dense[LETTERS + CAPITALS + at].add(tokens);
                        }
                    }
                }
                context.step(&tables, *c);
            }
        }
        self.tables = self.made(&dense, &wide);
    }

    fn made(&self, dense: &[Seen], wide: &HashMap<(char, char), [Seen; 2]>) -> Vec<u8> {
        let mut bytes: Vec<u8> = dense
            .iter()
            .enumerate()
            .map(|(at, seen)| {
                let prior = if at < LETTERS + CAPITALS { 0.6 } else { 1.0 };
                byte(seen.mean(prior) * f64::from(ONE))
            })
            .collect();
        let mut alone = vec![0b1010_1010_u8; ALONE];
        for code in 0..0x1_0000_u32 {
            let Some(tokens) = char::from_u32(code).and_then(|c| self.alone.get(&c)) else { continue };
            let shift = 2 * (code % 4);
            let place = &mut alone[code as usize / 4];
            *place = (*place & !(3 << shift)) | ((tokens.saturating_sub(1).min(3)) << shift);
        }
        bytes.extend(alone);
        bytes.extend(self.wide_entries(wide));
        bytes
    }

    fn wide_entries(&self, wide: &HashMap<(char, char), [Seen; 2]>) -> Vec<u8> {
        let mut entries = vec![(0.0_f64, 0xFFFF_u16); crate::tables::WIDE];
        let mut put = |(before, here): (char, char), times: f64, values: [f64; 2]| {
            let (place, tag) = wide_place(before, here);
            let [low, high] = values.map(|value| u16::from(byte(value * f64::from(ONE / WIDE_STEP)).min(62)));
            if times > entries[place].0 {
                entries[place] = (times, (tag << 12) | (high << 6) | low);
            }
        };
        for pair in &self.joined {
            put(*pair, 0.1, [0.25, 0.6]);
        }
        for (c, tokens) in self.alone.iter().filter(|(c, _)| u32::from(**c) > 0xFFFF) {
            put(('\0', *c), 0.2, [f64::from(*tokens); 2]);
        }
        let joined: std::collections::HashSet<_> = self.joined.iter().copied().collect();
        for (pair, seen) in wide {
            let alone = f64::from(self.alone.get(&pair.1).copied().unwrap_or(3));
            let is_joined = joined.contains(pair);
            let all = Seen { tokens: seen[0].tokens + seen[1].tokens, times: seen[0].times + seen[1].times };
            // Where no token joins the two, the count of the character alone is right.
            if !is_joined && (all.tokens / all.times - alone).abs() < 0.1 {
                continue;
            }
            let mean = all.mean(if is_joined { 0.3 } else { alone });
            put(*pair, all.times, seen.map(|seen| (seen.tokens + mean) / (seen.times + 1.0)));
        }
        entries.into_iter().flat_map(|(_, entry)| entry.to_le_bytes()).collect()
    }

    /// The tables, as they are built in.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.tables
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of a byte")]
fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}
