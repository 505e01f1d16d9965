//! A decoder gives the same outcome, and the same bytes, wherever a stream is split.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencredits_fuzz::decodes;

fuzz_target!(|data: &[u8]| decodes(data));
