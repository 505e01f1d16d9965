//! How the replay upstream answers.

use std::time::Duration;

/// How an answer is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// How its body is cut up.
    pub pieces: Pieces,
    /// How long to wait before the first piece and between pieces.
    pub delay: Duration,
    /// The fault.
    pub fault: Fault,
}

/// How a body is cut up. Each piece leaves in a write of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pieces {
    /// A stream after each of its events, anything else in one piece.
    Events,
    /// After so many bytes, wherever that is; in a stream it is mostly amid an event.
    Bytes(usize),
}

/// A fault of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The connection breaks after so many bytes of the body.
    CutAfter(usize),
    /// Nothing more comes after so many bytes of the body, and the connection stays.
    StallAfter(usize),
    /// No answer comes at all, and the connection stays.
    Silent,
    /// This status with an error in the dialect's form, instead of the recording.
    Status(u16),
    /// The same with a `retry-after`.
    StatusRetryAfter {
        /// The status.
        status: u16,
        /// The header's value.
        seconds: u32,
    },
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { pieces: Pieces::Events, delay: Duration::ZERO, fault: Fault::None }
    }
}

impl From<Fault> for Behaviour {
    fn from(fault: Fault) -> Self {
        Self { fault, ..Self::default() }
    }
}

impl Behaviour {
    /// The same, spread out in time.
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same, cut up in another way.
    #[must_use]
    pub fn in_pieces(mut self, pieces: Pieces) -> Self {
        self.pieces = pieces;
        self
    }

    /// Applies the options in a model's name: `ID+delay=20+bytes=7`. The options are `delay` (in ms), `bytes`, `cut`,
    /// `stall`, `status`, `retry-after` and `silent`. A test in another process uses them.
    pub(super) fn named(&self, wishes: &str) -> Self {
        let mut behaviour = self.clone();
        for wish in wishes.split('+').filter(|wish| !wish.is_empty()) {
            behaviour.take_over(wish);
        }
        behaviour
    }

    fn take_over(&mut self, wish: &str) {
        let (name, value) = wish.split_once('=').unwrap_or((wish, "0"));
        let number: u32 = value.parse().unwrap_or_else(|_| panic!("{wish} in a model's name has no number"));
        let bytes = number as usize;
        match name {
            "delay" => self.delay = Duration::from_millis(number.into()),
            "bytes" => self.pieces = Pieces::Bytes(bytes.max(1)),
            "cut" => self.fault = Fault::CutAfter(bytes),
            "stall" => self.fault = Fault::StallAfter(bytes),
            "silent" => self.fault = Fault::Silent,
            "status" => self.fault = Fault::Status(number as u16),
            "retry-after" => {
                if let Fault::Status(status) = self.fault {
                    self.fault = Fault::StatusRetryAfter { status, seconds: number };
                }
            }
            _ => panic!("{wish} in a model's name means nothing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_says_how_it_is_answered() {
        let named = Behaviour::default().named("delay=20+bytes=7+status=429+retry-after=3");
        assert_eq!(named.delay, Duration::from_millis(20));
        assert_eq!(named.pieces, Pieces::Bytes(7));
        let expected = Fault::StatusRetryAfter { status: 429, seconds: 3 };
        assert_eq!(named.fault, expected);
        assert_eq!(Behaviour::default().named(""), Behaviour::default());
    }
}
