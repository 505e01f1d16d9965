//! What `top` shows: sums over the last minute, from the lines of the access log. It knows neither a clock nor a terminal.

use opencredits_api::admin::FollowLine;
use opencredits_service::access::{AccessRecord, CallRecord, OpenCounts};
use opencredits_units::{NanoUsd, RequestId, UnixMs};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// What is older is forgotten, in seconds.
const WINDOW_S: u64 = 60;
/// Rates are means over so many whole seconds.
const RATE_S: u64 = 10;
/// Names that are told apart in one second; further ones are summed up under one.
const NAMES_MAX: usize = 200;
const OTHERS: &str = "(others)";
/// The slowest requests that are shown.
const SLOWEST_MAX: usize = 5;
const MS: u64 = 1_000;

/// By what requests are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Grouping {
    /// The model.
    Model,
    /// The vendor.
    Vendor,
    /// The partner.
    Partner,
}

impl Grouping {
    const ALL: [Self; 3] = [Self::Model, Self::Vendor, Self::Partner];

    fn name_of(self, call: &CallRecord) -> String {
        let (name, otherwise) = match self {
            Self::Model => (call.model.as_ref().or(call.asked.as_ref()).cloned(), "(no model)"),
            Self::Vendor => (call.vendor.clone(), "(no vendor)"),
            Self::Partner => (call.partner.map(|partner| partner.to_string()), "(no partner)"),
        };
        name.unwrap_or_else(|| otherwise.to_owned())
    }
}

/// Sums of requests.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    requests: u64,
    errors: u64,
    spend: NanoUsd,
    ms: u64,
    input: u64,
    output: u64,
}

impl Sums {
    fn of(record: &AccessRecord) -> Self {
        let call = &record.call;
        let sum = |parts: &[Option<u64>]| parts.iter().flatten().fold(0_u64, |sum, part| sum.saturating_add(*part));
        Self {
            requests: 1,
            errors: u64::from(record.outcome.is_error()),
            spend: call.charge_usd.unwrap_or_default(),
            ms: record.duration_ms,
            input: sum(&[call.input_tokens, call.cache_read_tokens, call.cache_write_tokens]),
            output: sum(&[call.output_tokens, call.reasoning_tokens]),
        }
    }

    fn add(&mut self, more: Self) {
        self.requests = self.requests.saturating_add(more.requests);
        self.errors = self.errors.saturating_add(more.errors);
        self.spend = self.spend.checked_add(more.spend).unwrap_or(self.spend);
        self.ms = self.ms.saturating_add(more.ms);
        self.input = self.input.saturating_add(more.input);
        self.output = self.output.saturating_add(more.output);
    }
}

/// One second.
#[derive(Default)]
struct Second {
    number: u64,
    all: Sums,
    groups: [BTreeMap<String, Sums>; Grouping::ALL.len()],
    errors: BTreeMap<String, u64>,
    slowest: Vec<SlowRequest>,
}

/// A slow request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SlowRequest {
    pub(crate) duration_ms: u64,
    pub(crate) model: String,
    pub(crate) vendor: String,
    pub(crate) outcome: &'static str,
    pub(crate) request_id: RequestId,
}

/// A group of requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct GroupView {
    pub(crate) name: String,
    pub(crate) requests_per_s: f64,
    pub(crate) spend_per_s_usd: NanoUsd,
    /// Of the last minute, as all that follows.
    pub(crate) requests: u64,
    pub(crate) spend_usd: NanoUsd,
    pub(crate) errors: u64,
    pub(crate) mean_ms: u64,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
}

/// Everything that is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct TopView {
    pub(crate) grouping: Grouping,
    pub(crate) total: GroupView,
    pub(crate) open: OpenCounts,
    /// Lines that came faster than they were read.
    pub(crate) missed: u64,
    /// The groups, those with most spent first.
    pub(crate) groups: Vec<GroupView>,
    pub(crate) slowest: Vec<SlowRequest>,
    /// The errors by type, the most frequent first.
    pub(crate) errors: Vec<(String, u64)>,
    /// The requests of each second of the last minute, the oldest first.
    pub(crate) history: Vec<u64>,
}

/// The last minute.
pub(crate) struct Top {
    began: UnixMs,
    seconds: VecDeque<Second>,
    open: OpenCounts,
    missed: u64,
}

impl Top {
    pub(crate) fn new(began: UnixMs) -> Self {
        Self { began, seconds: VecDeque::new(), open: OpenCounts::default(), missed: 0 }
    }

    /// Takes a line that came at `now`.
    pub(crate) fn take(&mut self, line: FollowLine, now: UnixMs) {
        match line {
            FollowLine::Open(open) => self.open = open,
            FollowLine::Missed(lines) => self.missed = self.missed.saturating_add(lines),
            FollowLine::Request(record) => self.second(now).take(&record),
        }
    }

    /// The second that is now. Those that are too old go.
    fn second(&mut self, now: UnixMs) -> &mut Second {
        let number = now.get().div_euclid(MS);
        while self.seconds.front().is_some_and(|oldest| oldest.number.saturating_add(WINDOW_S) <= number) {
            self.seconds.pop_front();
        }
        // A clock that is set back adds to the newest second.
        if self.seconds.back().is_none_or(|newest| newest.number < number) {
            self.seconds.push_back(Second { number, ..Second::default() });
        }
        let newest = self.seconds.len().saturating_sub(1);
        &mut self.seconds[newest]
    }

    /// What is shown at `now`.
    pub(crate) fn view(&self, grouping: Grouping, now: UnixMs) -> TopView {
        let this = now.get().div_euclid(MS);
        let since =
            |seconds: u64| self.seconds.iter().filter(move |second| second.number.saturating_add(seconds) > this);
        // At the beginning there is less than what rates are means of.
        let span = this.saturating_sub(self.began.get().div_euclid(MS)).clamp(1, RATE_S);
        let (mut total, mut slowest) = (Pair::default(), Vec::new());
        let mut groups: BTreeMap<&str, Pair> = BTreeMap::new();
        let mut errors: BTreeMap<String, u64> = BTreeMap::new();
        for second in since(WINDOW_S) {
            // The second that is now is not over.
            let is_recent = second.number < this && second.number.saturating_add(span) >= this;
            total.add(second.all, is_recent);
            for (name, sums) in &second.groups[grouping as usize] {
                groups.entry(name).or_default().add(*sums, is_recent);
            }
            for (kind, count) in &second.errors {
                let all = errors.entry(kind.clone()).or_default();
                *all = all.saturating_add(*count);
            }
            slowest.extend(second.slowest.iter().cloned());
        }
        keep_slowest(&mut slowest);
        let mut groups: Vec<_> = groups.into_iter().map(|(name, pair)| pair.view(name, span)).collect();
        groups.sort_by_key(|group| std::cmp::Reverse((group.spend_usd, group.requests)));
        let mut errors: Vec<_> = errors.into_iter().collect();
        errors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let of_second = |number: u64| self.seconds.iter().find(|second| second.number == number);
        let history = (0..WINDOW_S).rev().map(|ago| of_second(this.saturating_sub(ago)).map_or(0, |s| s.all.requests));
        TopView {
            grouping,
            total: total.view("all", span),
            open: self.open,
            missed: self.missed,
            groups,
            slowest,
            errors,
            history: history.collect(),
        }
    }
}

impl Second {
    fn take(&mut self, record: &AccessRecord) {
        if let Some(error) = &record.error {
            add_named(&mut self.errors, error, |count| *count = count.saturating_add(1));
        }
        let call = &record.call;
        if call.api.is_none() {
            return;
        }
        let sums = Sums::of(record);
        self.all.add(sums);
        for grouping in Grouping::ALL {
            add_named(&mut self.groups[grouping as usize], &grouping.name_of(call), |group: &mut Sums| group.add(sums));
        }
        self.slowest.push(SlowRequest {
            duration_ms: record.duration_ms,
            model: Grouping::Model.name_of(call),
            vendor: Grouping::Vendor.name_of(call),
            outcome: record.outcome.name(),
            request_id: record.request_id,
        });
        keep_slowest(&mut self.slowest);
    }
}

fn keep_slowest(slowest: &mut Vec<SlowRequest>) {
    slowest.sort_by_key(|request| std::cmp::Reverse((request.duration_ms, request.request_id)));
    slowest.truncate(SLOWEST_MAX);
}

/// Adds to what a name has, or to that of all others where there are too many names.
fn add_named<T: Default>(named: &mut BTreeMap<String, T>, name: &str, add: impl FnOnce(&mut T)) {
    let is_one_of_others = named.len() >= NAMES_MAX && !named.contains_key(name);
    add(named.entry(if is_one_of_others { OTHERS } else { name }.to_owned()).or_default());
}

/// Sums of a minute, and those of the part of it that rates are means of.
#[derive(Default)]
struct Pair {
    minute: Sums,
    recent: Sums,
}

impl Pair {
    fn add(&mut self, sums: Sums, is_recent: bool) {
        self.minute.add(sums);
        if is_recent {
            self.recent.add(sums);
        }
    }

    fn view(self, name: &str, span_s: u64) -> GroupView {
        let Self { minute, recent } = self;
        let per_s = |amount: NanoUsd| NanoUsd::new(amount.get().div_euclid(i64::try_from(span_s).unwrap_or(1).max(1)));
        GroupView {
            name: name.to_owned(),
            requests_per_s: tenths(recent.requests, span_s),
            spend_per_s_usd: per_s(recent.spend),
            requests: minute.requests,
            spend_usd: minute.spend,
            errors: minute.errors,
            mean_ms: minute.ms.checked_div(minute.requests).unwrap_or_default(),
            input_tokens: minute.input,
            output_tokens: minute.output,
        }
    }
}

/// A rate with one decimal.
fn tenths(count: u64, span_s: u64) -> f64 {
    let tenths = count.saturating_mul(10).checked_div(span_s).unwrap_or_default();
    f64::from(u32::try_from(tenths).unwrap_or(u32::MAX)) / 10.0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};

    pub(crate) const BEGAN: UnixMs = UnixMs::new(1_790_000_000_000);

    pub(crate) fn at(seconds: u64) -> UnixMs {
        BEGAN.saturating_add_ms(seconds * MS)
    }

    /// A finished request.
    pub(crate) fn line(number: u64, more: Value) -> FollowLine {
        let mut record = json!({"request_id": RequestId::from_bits(number.into()), "began_ms": BEGAN, "method": "POST",
            "outcome": "served", "status": 200, "duration_ms": 100, "api": "openai-chat"});
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        FollowLine::Request(Box::new(serde_json::from_value(record).unwrap()))
    }

    #[test]
    fn rates_are_means_of_ten_seconds_and_sums_of_a_minute() {
        let mut top = Top::new(BEGAN);
        for second in 0..120 {
            for number in 0..3 {
                let call = json!({"model": "a/m", "vendor": "v", "charge_usd": "0.002", "input_tokens": 10,
                    "cache_read_tokens": 5, "output_tokens": 2, "duration_ms": 100 + number});
                top.take(line(second * 3 + number, call), at(second));
            }
        }
        let view = top.view(Grouping::Model, at(119));
        let [group] = &view.groups[..] else { panic!("{:?}", view.groups) };
        assert_eq!((group.name.as_str(), group.requests_per_s, group.requests), ("a/m", 3.0, 180));
        assert_eq!(group.spend_per_s_usd, NanoUsd::new(6_000_000));
        assert_eq!((group.mean_ms, group.input_tokens, group.output_tokens), (101, 2_700, 360));
        assert_eq!((view.history.len(), view.history.iter().sum::<u64>()), (60, 180));
        assert_eq!(view.slowest.len(), SLOWEST_MAX);
        assert!(view.slowest.iter().all(|slow| slow.duration_ms == 102), "{:?}", view.slowest);
        // A minute of silence later nothing is left.
        let later = top.view(Grouping::Model, at(180));
        assert_eq!((later.groups, later.total.requests), (vec![], 0));
    }

    #[test]
    fn in_its_first_seconds_a_rate_is_the_mean_of_those() {
        let mut top = Top::new(BEGAN);
        for number in 0..6 {
            top.take(line(number, json!({})), at(number.div_euclid(3)));
        }
        assert_eq!(top.view(Grouping::Model, at(2)).total.requests_per_s, 3.0);
    }

    #[test]
    fn requests_are_grouped_by_what_served_them_and_errors_by_their_type() {
        let mut top = Top::new(BEGAN);
        let partner = opencredits_units::PartnerId::from_bits(7);
        top.take(line(1, json!({"model": "a/m", "vendor": "v", "partner": partner, "charge_usd": "0.1"})), at(0));
        top.take(line(2, json!({"asked": "a/n", "outcome": "refused", "error": "payment_required"})), at(0));
        top.take(line(3, json!({"outcome": "refused", "error": "not_found"})), at(0));
        top.take(line(4, json!({"api": null, "outcome": "refused", "error": "not_found"})), at(0));
        top.take(FollowLine::Missed(3), at(0));
        top.take(FollowLine::Open(OpenCounts { requests: 4, streams: 2 }), at(0));
        let names = |grouping| -> Vec<String> {
            top.view(grouping, at(0)).groups.into_iter().map(|group| group.name).collect()
        };
        assert_eq!(names(Grouping::Model), ["a/m", "(no model)", "a/n"]);
        assert_eq!(names(Grouping::Vendor), ["v", "(no vendor)"]);
        assert_eq!(names(Grouping::Partner), [partner.to_string(), "(no partner)".to_owned()]);
        let view = top.view(Grouping::Model, at(0));
        assert_eq!(view.errors, [("not_found".to_owned(), 2), ("payment_required".to_owned(), 1)]);
        assert_eq!((view.total.requests, view.total.errors, view.missed, view.open.streams), (3, 2, 3, 2));
    }

    #[test]
    fn names_without_number_take_no_room_without_number() {
        let mut top = Top::new(BEGAN);
        for number in 0..1_000 {
            top.take(line(number, json!({"model": format!("a/{number}")})), at(0));
        }
        let view = top.view(Grouping::Model, at(0));
        assert_eq!(view.groups.len(), NAMES_MAX + 1);
        assert_eq!(view.groups.iter().map(|group| group.requests).sum::<u64>(), 1_000);
        assert_eq!(view.groups[0].name, OTHERS);
    }
}
