//! A translated request is one that the reader of its new dialect takes, and writes again as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencredits_fuzz::requests;

fuzz_target!(|data: &[u8]| requests(data));
