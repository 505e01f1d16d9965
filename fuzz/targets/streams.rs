//! A translated stream is the same wherever it is split, and every event of it is JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencredits_fuzz::streams;

fuzz_target!(|data: &[u8]| streams(data));
