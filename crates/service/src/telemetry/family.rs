//! What a family of metrics is, and how its series are recorded.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, SharedString, with_recorder};

/// What a family measures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A count that only grows.
    Counter,
    /// A value of now.
    Gauge,
    /// A distribution, with the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

impl Kind {
    /// Its name in the exposition format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A family of metrics. Its name ends in its unit.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The name.
    pub name: &'static str,
    /// What it measures.
    pub kind: Kind,
    /// The names of its labels. The values of each are bounded.
    pub labels: &'static [&'static str],
    /// What it says, with its unit.
    pub help: &'static str,
}

/// Where metrics come from, for recorders that filter.
const METADATA: Metadata<'static> = Metadata::new("opencredits", Level::INFO, None);

impl Family {
    pub(super) const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: Kind::Counter, labels, help }
    }

    pub(super) const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name, kind: Kind::Gauge, labels, help }
    }

    /// The series with these values of its labels; a label that is empty is left out.
    fn key(&self, values: &[&str]) -> Key {
        let filled = self.labels.iter().zip(values).filter(|(_, value)| !value.is_empty());
        let labels: Vec<Label> = filled.map(|(name, value)| Label::new(*name, (*value).to_owned())).collect();
        Key::from_parts(KeyName::from_const_str(self.name), labels)
    }

    /// A series of a counter. Who counts often keeps what this returns.
    pub fn counter_of(&self, values: &[&str]) -> Counter {
        with_recorder(|recorder| recorder.register_counter(&self.key(values), &METADATA))
    }

    /// A series of a gauge.
    pub fn gauge_of(&self, values: &[&str]) -> Gauge {
        with_recorder(|recorder| recorder.register_gauge(&self.key(values), &METADATA))
    }

    /// A series of a histogram. Who records often keeps what this returns.
    pub fn histogram_of(&self, values: &[&str]) -> Histogram {
        with_recorder(|recorder| recorder.register_histogram(&self.key(values), &METADATA))
    }

    /// Tells the recorder what the family says.
    pub fn describe(&self) {
        let (name, help) = (KeyName::from_const_str(self.name), SharedString::const_str(self.help));
        with_recorder(|recorder| match self.kind {
            Kind::Counter => recorder.describe_counter(name, None, help),
            Kind::Gauge => recorder.describe_gauge(name, None, help),
            Kind::Histogram(_) => recorder.describe_histogram(name, None, help),
        });
    }
}
