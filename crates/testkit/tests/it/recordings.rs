//! What the index promises is there.

use opencredits_testkit::{recordings, shared_dir};

#[test]
fn every_line_of_the_index_loads() {
    if shared_dir().is_none() {
        return;
    }
    let all = recordings(|_| true);
    assert!(all.len() > 500, "{} recordings", all.len());
    for recording in &all {
        assert!(recording.body_base64.is_some() || !recording.body.is_empty(), "{recording:?}");
    }
}

#[test]
fn only_what_is_wanted_is_read() {
    for recording in recordings(|row| row.api == "anthropic-messages" && row.has("cache_write_1h")) {
        assert!(recording.expected.cache_write_1h_tokens.is_some(), "{recording:?}");
        assert!(!format!("{recording:?}").contains(recording.body.as_str()));
    }
}
