//! What an authenticator says is refused, or what the specification lets it say.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencredits_fuzz::passkey;

fuzz_target!(|data: &[u8]| passkey(data));
