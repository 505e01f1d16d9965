//! What crosses is on the list, and goes upstream as JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencredits_fuzz::scrub;

fuzz_target!(|data: &[u8]| scrub(data));
