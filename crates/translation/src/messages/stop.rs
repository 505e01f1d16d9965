//! The stop reason in `anthropic-messages`.

use crate::json_writer::JsonWriter;
use crate::step::{Reason, Stop};

pub(super) fn write_stop(out: &mut JsonWriter, stop: Option<&Stop>) {
    match stop {
        Some(stop) => {
            out.member("stop_reason", stop_reason(stop.reason));
            match &stop.sequence {
                Some(sequence) => out.member("stop_sequence", sequence),
                None => out.member_raw("stop_sequence", "null"),
            }
            out.member("native_finish_reason", &stop.native);
        }
        None => {
            out.member_raw("stop_reason", "null");
            out.member_raw("stop_sequence", "null");
        }
    }
}

pub(super) const fn stop_reason(reason: Reason) -> &'static str {
    match reason {
        Reason::End => "end_turn",
        Reason::Sequence => "stop_sequence",
        Reason::Length | Reason::Failed | Reason::BrokenCall => "max_tokens",
        Reason::Calls => "tool_use",
        Reason::Filter => "refusal",
        Reason::Pause => "pause_turn",
    }
}
