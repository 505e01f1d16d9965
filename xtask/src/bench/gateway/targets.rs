//! The targets of the benchmark, and the load on each.

use crate::bench::effort::Effort;

/// The load on a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    /// Whole answers at 64 connections.
    Wide,
    /// Whole answers at one connection.
    Narrow,
    /// Streams at 64 connections.
    Streams,
    /// Whole answers at 64 connections, asked for in another dialect than the upstream's.
    Translated,
}

pub(super) const SHAPES: [Shape; 4] = [Shape::Wide, Shape::Narrow, Shape::Streams, Shape::Translated];

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Direct,
    Nginx,
    /// In the default acknowledgement.
    Accepted,
    Durable,
    /// As `Accepted`, with its data in PostgreSQL.
    Database,
    /// As `Accepted`, with a key that earns a partner commission and has every kind of limit.
    Limited,
}

/// How long, and how often.
pub(super) struct Timing {
    pub(super) rounds: usize,
    pub(super) ms: u64,
    pub(super) starts: usize,
    /// Streams that are open at once.
    pub(super) held: usize,
}

impl From<Effort> for Timing {
    fn from(effort: Effort) -> Self {
        match effort {
            Effort::Full => Self { rounds: 5, ms: 1_000, starts: 5, held: 2_000 },
            Effort::Smoke => Self { rounds: 1, ms: 200, starts: 1, held: 200 },
        }
    }
}
