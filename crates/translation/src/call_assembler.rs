//! Calls of tools, brought in order: pieces of several calls may be mixed in a stream, and text may stand between them.
//!
//! Writers get one call after the other, each with its name, its arguments and an end. What follows a call whose arguments may
//! go on waits. So a call is never given with less than the model wrote, and never as another call.

use crate::field_readers::is_object;
use crate::step::{Reason, Step, Stop};
use std::collections::VecDeque;

/// Brings calls in order.
pub(crate) struct CallAssembler {
    /// Whether the writer takes arguments in pieces. Others get a call once it is known to be one.
    streams: bool,
    /// Empty, or a call that may go on and what follows it.
    waiting: VecDeque<Waiting>,
    /// The bytes of what waits.
    kept_bytes: usize,
    has_sound: bool,
    has_broken: bool,
}

enum Waiting {
    Call(Call),
    Step(Step<'static>),
}

struct Call {
    index: u64,
    id: String,
    name: String,
    json: String,
    /// How much of the arguments was given to the writer; `None` before the call was.
    written: Option<usize>,
    scan: ObjectScan,
    /// Whether the provider said that it is complete.
    is_ended: bool,
}

/// Follows the braces of arguments.
#[derive(Default)]
struct ObjectScan {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
    has_begun: bool,
}

impl ObjectScan {
    fn feed(&mut self, json: &str) {
        for byte in json.bytes() {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.in_string => self.is_escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.depth = self.depth.saturating_add(1);
                    self.has_begun = true;
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Whether the object that has begun is complete.
    const fn is_complete(&self) -> bool {
        self.has_begun && self.depth == 0 && !self.in_string
    }
}

impl Call {
    fn is_blank(&self) -> bool {
        self.json.trim().is_empty()
    }

    /// Gives the writer what it has not got of the arguments.
    fn stream(&mut self, each: &mut dyn FnMut(Step<'_>)) {
        if self.is_blank() || self.name.is_empty() {
            return;
        }
        let index = self.index;
        let written = *self.written.get_or_insert_with(|| {
            each(Step::Call { index, id: self.id.as_str().into(), name: self.name.as_str().into() });
            0
        });
        if let Some(more) = self.json.get(written..).filter(|more| !more.is_empty()) {
            each(Step::Arguments { index, json: more.into() });
            self.written = Some(self.json.len());
        }
    }
}

impl CallAssembler {
    pub(crate) fn new(streams: bool) -> Self {
        Self { streams, waiting: VecDeque::new(), kept_bytes: 0, has_sound: false, has_broken: false }
    }

    pub(crate) const fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Takes a step of a reader; gives those that are complete.
    pub(crate) fn pass(&mut self, step: Step<'_>, each: &mut dyn FnMut(Step<'_>)) {
        match step {
            Step::Call { index, id, name } => self.call(index, &id, &name),
            Step::Arguments { index, json } => {
                if let Some(call) = self.open(index) {
                    call.json.push_str(&json);
                    call.scan.feed(&json);
                    self.kept_bytes = self.kept_bytes.saturating_add(json.len());
                }
            }
            Step::CallEnd { index } => {
                if let Some(call) = self.open(index) {
                    call.is_ended = true;
                }
            }
            Step::Stop(stop) => {
                self.finish(stop.reason, each);
                return each(Step::Stop(self.judged(stop)));
            }
            // It ends nothing but the call, which has an end of its own.
            Step::PartEnd if matches!(self.waiting.back(), Some(Waiting::Call(_))) => {}
            step if self.waiting.is_empty() => each(step),
            step => {
                self.kept_bytes = self.kept_bytes.saturating_add(step.content_bytes());
                self.waiting.push_back(Waiting::Step(step.into_owned()));
            }
        }
        self.advance(each);
    }

    /// Begins a call, or gives one that has begun more of its name.
    fn call(&mut self, index: u64, id: &str, name: &str) {
        match self.open(index) {
            Some(call) if call.written.is_none() => call.name.push_str(name),
            Some(_) => {}
            None => {
                let (id, name) = (id.to_owned(), name.to_owned());
                let (json, scan) = (String::new(), ObjectScan::default());
                self.waiting.push_back(Waiting::Call(Call {
                    index,
                    id,
                    name,
                    json,
                    written: None,
                    scan,
                    is_ended: false,
                }));
            }
        }
    }

    fn open(&mut self, index: u64) -> Option<&mut Call> {
        self.waiting.iter_mut().rev().find_map(|waiting| match waiting {
            Waiting::Call(call) if call.index == index => Some(call),
            _ => None,
        })
    }

    /// Gives what need not wait any longer.
    fn advance(&mut self, each: &mut dyn FnMut(Step<'_>)) {
        loop {
            let is_followed = self.waiting.len() > 1;
            match self.waiting.front_mut() {
                None => return self.kept_bytes = 0,
                Some(Waiting::Step(_)) => {}
                Some(Waiting::Call(call)) => {
                    if self.streams {
                        call.stream(each);
                    }
                    // A call without arguments whose end was told may have been cut off, unless the answer goes on.
                    let has_all = call.scan.is_complete() || (call.is_ended && !call.is_blank());
                    let is_over = if has_all { call.is_ended || is_followed } else { call.is_ended && is_followed };
                    if !is_over {
                        return;
                    }
                }
            }
            self.give_first(false, each);
        }
    }

    fn give_first(&mut self, is_cut: bool, each: &mut dyn FnMut(Step<'_>)) {
        match self.waiting.pop_front() {
            Some(Waiting::Call(call)) => self.give(call, is_cut, each),
            Some(Waiting::Step(step)) => each(step),
            None => {}
        }
    }

    /// Gives a call that is over: as the text that the model wrote, where it is none that can be made.
    fn give(&mut self, mut call: Call, is_cut: bool, each: &mut dyn FnMut(Step<'_>)) {
        if call.name.is_empty() && call.is_blank() {
            // Some hosts give an empty call beside the text.
            return;
        }
        let is_sound = if call.is_blank() { !is_cut } else { is_object(&call.json) };
        let is_shown = is_sound || (self.streams && !call.is_blank());
        if call.name.is_empty() || !is_shown {
            self.has_broken = true;
            return each(Step::Text(format!("{}({})", call.name, call.json.trim()).into()));
        }
        self.has_sound = true;
        if call.is_blank() {
            call.json = "{}".to_owned();
        }
        call.stream(each);
        each(Step::PartEnd);
    }

    /// Gives all that waits, at the end of the answer. An answer that was cut off may lack the arguments of its last call.
    pub(crate) fn finish(&mut self, reason: Reason, each: &mut dyn FnMut(Step<'_>)) {
        let was_cut = matches!(reason, Reason::Length | Reason::Filter | Reason::Failed | Reason::BrokenCall);
        while !self.waiting.is_empty() {
            self.give_first(was_cut, each);
        }
        self.kept_bytes = 0;
    }

    /// The reason for the end: an answer of nothing but broken calls has failed.
    fn judged(&self, mut stop: Stop) -> Stop {
        if self.has_broken && !self.has_sound && matches!(stop.reason, Reason::Calls | Reason::End) {
            stop.reason = Reason::BrokenCall;
        }
        stop
    }
}
