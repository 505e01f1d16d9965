//! Nobody is sent anywhere but to a redirect that is registered.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencredits_fuzz::authorize;

fuzz_target!(|data: &[u8]| authorize(data));
