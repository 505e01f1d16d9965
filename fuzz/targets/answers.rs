//! A translated answer is JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencredits_fuzz::answers;

fuzz_target!(|data: &[u8]| answers(data));
