//! Addresses that wait for an answer, sealed: a stolen store names nobody who was signing in.

use opencredits_email::Address;
use opencredits_keys::HashKey;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

/// Sets these keys apart from other uses of the same secret.
const LABEL: &[u8] = b"opencredits sealed address v1";

/// The key of one record. Each record has a key of its own, so that a nonce of zeros is used once.
fn key(secret: &HashKey, id: u128) -> Option<LessSafeKey> {
    let bytes = secret.hash(&[LABEL, &id.to_be_bytes()]);
    UnboundKey::new(&CHACHA20_POLY1305, &bytes).ok().map(LessSafeKey::new)
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// Seals the address of the record with this id.
pub(super) fn seal(secret: &HashKey, id: u128, address: &Address) -> Vec<u8> {
    let mut sealed = address.as_str().as_bytes().to_vec();
    let done = key(secret, id).map(|key| key.seal_in_place_append_tag(nonce(), Aad::empty(), &mut sealed));
    // The key has the right length and the text is short, so it cannot fail; what is not sealed is not kept.
    if !matches!(done, Some(Ok(()))) {
        sealed.clear();
    }
    sealed
}

/// The address in the record with this id; none where it was sealed for another record or under another key.
pub(super) fn open(secret: &HashKey, id: u128, sealed: &[u8]) -> Option<Address> {
    let mut text = sealed.to_vec();
    let opened = key(secret, id)?.open_in_place(nonce(), Aad::empty(), &mut text).ok()?;
    std::str::from_utf8(opened).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_opened_with_its_key_and_for_its_record_only() {
        let (secret, other) = (HashKey::new([1; 32]), HashKey::new([2; 32]));
        let address: Address = "ada@example.org".parse().unwrap();
        let sealed = seal(&secret, 7, &address);
        assert!(!sealed.windows(3).any(|part| part == b"ada"));
        assert_eq!(open(&secret, 7, &sealed), Some(address));
        assert_eq!(open(&secret, 8, &sealed), None);
        assert_eq!(open(&other, 7, &sealed), None);
        assert_eq!(open(&secret, 7, &[]), None);
    }
}
