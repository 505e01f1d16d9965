//! Where bytes are split: in one piece, byte by byte (long ones in few bytes), and at places that follow from the bytes themselves, so that an
//! input is nothing but what a peer sends.

use bytes::Bytes;

/// What is longer is not split at every byte.
const SINGLE_BYTES_MAX: usize = 600;
/// Pieces of the last kind have fewer bytes than this.
const PIECE_BYTES_MAX: u64 = 48;

/// The same bytes, split in several ways; whole in the first.
pub(crate) fn splits(bytes: &[u8]) -> [Vec<Bytes>; 3] {
    let whole = vec![Bytes::copy_from_slice(bytes)];
    let single = bytes.chunks(1 + bytes.len() / SINGLE_BYTES_MAX).map(Bytes::copy_from_slice).collect();
    [whole, single, some(bytes)]
}

fn some(bytes: &[u8]) -> Vec<Bytes> {
    // FNV-1a.
    let mut state = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let (mut rest, mut pieces) = (bytes, Vec::new());
    while !rest.is_empty() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let size = usize::try_from((state >> 33) % PIECE_BYTES_MAX).unwrap().min(rest.len());
        let (piece, after) = rest.split_at(size);
        // An empty piece now and then: a transport may give one.
        pieces.push(Bytes::copy_from_slice(piece));
        rest = after;
    }
    pieces
}
