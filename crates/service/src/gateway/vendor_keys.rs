//! Our keys at vendors, which no message repeats: some vendors quote the key of a request that they refuse.

use super::prepared_upstream::Upstream;
use opencredits_keys::Secret;
use std::cmp::Reverse;

/// A shorter text could be a word of the message: it is no secret key.
const KEY_BYTES_MIN: usize = 8;
/// Stands for what was taken out.
const TAKEN_OUT: &str = "…";

/// Our keys at all vendors.
pub(super) struct VendorKeys(Vec<Secret<String>>);

impl VendorKeys {
    pub(super) fn of<'a>(upstreams: impl Iterator<Item = &'a Upstream>) -> Self {
        let keys = upstreams.flat_map(|upstream| &upstream.keys).filter(|key| key.reveal().len() >= KEY_BYTES_MIN);
        let mut keys: Vec<Secret<String>> = keys.cloned().collect();
        // A key may be the beginning of another one.
        keys.sort_by_key(|key| Reverse(key.reveal().len()));
        Self(keys)
    }

    /// A vendor's words with `…` for each of our keys in it.
    pub(super) fn taken_out_of(&self, words: String) -> String {
        self.0.iter().map(Secret::reveal).fold(words, |words, key| without(words, key))
    }
}

fn without(words: String, key: &str) -> String {
    let mut words = if words.contains(key) { words.replace(key, TAKEN_OUT) } else { words };
    // A long message was cut, perhaps within the key.
    let beginnings = (KEY_BYTES_MIN..key.len()).rev().filter_map(|end| key.get(..end));
    if let Some(begun) = beginnings.into_iter().find(|begun| words.ends_with(begun)) {
        words.truncate(words.len().saturating_sub(begun.len()));
        words.push_str(TAKEN_OUT);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendors_words_lose_our_keys_and_nothing_else() {
        let keys = ["AIzaSyOurs", "AIzaSyOurs-2", "short"].map(|key| Secret::new(key.to_owned()));
        let mut keys = VendorKeys(keys.to_vec());
        keys.0.retain(|key| key.reveal().len() >= KEY_BYTES_MIN);
        keys.0.sort_by_key(|key| Reverse(key.reveal().len()));
        let check = |words: &str, expect: &str| assert_eq!(keys.taken_out_of(words.to_owned()), expect);
        check("the model is overloaded", "the model is overloaded");
        check("key:AIzaSyOurs, AIzaSyOurs-2.", "key:…, ….");
        check("?key=AIzaSyOurs&alt=sse", "?key=…&alt=sse");
        check("a short message", "a short message");
        check("cut within AIzaSyOu", "cut within …");
        check("AIzaSyTheirs", "AIzaSyTheirs");
    }
}
