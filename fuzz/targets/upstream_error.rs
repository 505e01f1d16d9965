//! A refusal is read whatever it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencredits_fuzz::upstream_error;

fuzz_target!(|data: &[u8]| upstream_error(data));
