//! Blocks: the marks of a series, packed.
//!
//! A block is the marks of an interval of time, sorted. Each is the time since the one before, as a varint, and two
//! random bytes. The first one's time is the block's key.

use crate::usage::RequestMark;
use opencredits_units::UnixMs;

/// The largest block. SQLite keeps a row of that size within its page; a longer one would take a page of its own.
const BLOCK_BYTES_MAX: usize = 900;
/// Bits of a varint's byte that carry its value.
const LOW_BITS: u64 = 0x7f;
/// The bit that announces a further byte.
const MORE: u8 = 0x80;

/// A block, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) first: UnixMs,
    pub(crate) items: Vec<u8>,
}

/// Packs sorted marks into as few blocks as hold them. Marks of one time stay together, so that times are keys.
pub(crate) fn pack(marks: &[RequestMark]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut last = UnixMs::default();
    for mark in marks {
        let at = mark.made_at();
        match blocks.last_mut() {
            Some(block) if block.items.len() < BLOCK_BYTES_MAX || at == last => {
                put(&mut block.items, at.ms_since(last), *mark)
            }
            _ => {
                let mut items = Vec::with_capacity(BLOCK_BYTES_MAX);
                put(&mut items, 0, *mark);
                blocks.push(Block { first: at, items });
            }
        }
        last = at;
    }
    blocks
}

/// The marks of a block, sorted; `None` when it is damaged.
pub(crate) fn unpack(first: UnixMs, items: &[u8]) -> Option<Vec<RequestMark>> {
    let (mut rest, mut at) = (items, first);
    let mut marks = Vec::with_capacity(items.len().div_euclid(4));
    while !rest.is_empty() {
        at = UnixMs::new(at.get().checked_add(take(&mut rest)?)?);
        let (tag, after) = rest.split_first_chunk::<2>()?;
        rest = after;
        marks.push(RequestMark::with(at, u16::from_be_bytes(*tag)));
    }
    Some(marks)
}

fn put(items: &mut Vec<u8>, mut since: u64, mark: RequestMark) {
    while since > LOW_BITS {
        items.push(u8::try_from(since & LOW_BITS).unwrap_or_default() | MORE);
        since = since.wrapping_shr(7);
    }
    items.push(u8::try_from(since).unwrap_or_default());
    items.extend_from_slice(&mark.tag().to_be_bytes());
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64_u32).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= (u64::from(*byte) & LOW_BITS).checked_shl(shift)?;
        if byte & MORE == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marks_survive_their_blocks(
            times in prop::collection::vec((0..1_000_000_u64, any::<u16>()), 0..1_000),
        ) {
            let mut marks: Vec<_> = times.into_iter().map(|(at, tag)| RequestMark::with(UnixMs::new(at), tag)).collect();
            marks.sort_unstable();
            let blocks = pack(&marks);
            let back: Vec<_> = blocks.iter().flat_map(|block| unpack(block.first, &block.items).unwrap()).collect();
            prop_assert_eq!(back, marks);
            prop_assert!(blocks.windows(2).all(|pair| pair[0].first < pair[1].first), "times are keys");
            prop_assert!(blocks.iter().all(|block| block.items.len() < BLOCK_BYTES_MAX + 64));
        }

        #[test]
        fn damaged_blocks_never_panic(first: u64, items: Vec<u8>) {
            let _ = unpack(UnixMs::new(first), &items);
        }
    }
}
