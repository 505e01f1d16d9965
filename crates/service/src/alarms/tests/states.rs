//! The state machine under any sequence of conditions.

use crate::alarms::book::{AlarmKey, Book, Firing, Moment, Told};
use crate::alarms::raised::Raised;
use crate::alarms::{AlarmLabels, RULES, Rule};
use opencredits_units::UnixMs;
use proptest::prelude::*;

const START_MS: u64 = 1_790_000_000_000;
const REPEAT_MS: u64 = 3_600_000;

fn rule() -> &'static Rule {
    Rule::of_name("OpenCreditsDiskLow").unwrap()
}

/// What a minute brings: whether the condition holds, or nobody knows, and how much time has passed, by both clocks.
#[derive(Debug, Clone)]
struct Step {
    holds: bool,
    is_unknown: bool,
    passed_ms: u64,
    jumped_ms: i64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let jump = prop_oneof![9 => Just(0_i64), 1 => -7_200_000_i64..7_200_000];
    let step = (prop::bool::weighted(0.7), prop::bool::weighted(0.1), 1_u64..1_200_000, jump);
    let step =
        step.prop_map(|(holds, is_unknown, passed_ms, jumped_ms)| Step { holds, is_unknown, passed_ms, jumped_ms });
    prop::collection::vec(step, 1..200)
}

fn raised() -> Raised {
    Raised { labels: AlarmLabels::new(), summary: "low".to_owned() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn notices_alternate_and_a_repetition_is_an_interval_after_the_one_before(
        steps in steps(),
        restored in any::<bool>(),
    ) {
        let mut book = Book::default();
        let (mut wall, mut steady_ms) = (START_MS, 0);
        // The time of the last notice, while the alarm was told to fire.
        let mut told_at = None;
        if restored {
            let key = AlarmKey { alarm: rule().name, labels: AlarmLabels::new() };
            book.restore(key, Firing::restored((UnixMs::new(wall), UnixMs::new(wall)), 0, "low".to_owned()));
            told_at = Some(wall);
        }
        // Since when the condition holds.
        let mut since_ms = None;
        for step in steps {
            steady_ms += step.passed_ms;
            wall = wall.saturating_add(step.passed_ms).saturating_add_signed(step.jumped_ms);
            let now = Moment { wall: UnixMs::new(wall), steady_ms };
            let found = if step.holds && !step.is_unknown { vec![raised()] } else { vec![] };
            let changes = book.step(rule(), (found, &|_| step.is_unknown), now, REPEAT_MS);
            prop_assert!(changes.len() <= 1);
            since_ms = match (step.is_unknown, step.holds) {
                (true, _) => since_ms,
                (false, true) => since_ms.or(Some(steady_ms)),
                (false, false) => None,
            };
            for change in changes {
                match change.told {
                    Told::Fired => {
                        prop_assert_eq!(told_at, None, "it fired already");
                        prop_assert!(since_ms.is_some_and(|since| steady_ms - since >= rule().held_ms));
                        told_at = Some(wall);
                    }
                    Told::Repeated => {
                        let before = told_at.expect("only what fires is repeated");
                        prop_assert!(wall.saturating_sub(before) >= REPEAT_MS);
                        told_at = Some(wall);
                    }
                    Told::Resolved => {
                        prop_assert!(told_at.take().is_some(), "it did not fire");
                        prop_assert!(!step.holds);
                    }
                }
                prop_assert_eq!(change.at, UnixMs::new(wall));
            }
            prop_assert!(told_at.is_none() || book.states().count() == 1);
        }
    }
}

#[test]
fn an_alarm_of_before_a_restart_is_not_taken_for_ended_until_its_windows_have_filled() {
    let mut book = Book::default();
    let key = AlarmKey { alarm: rule().name, labels: AlarmLabels::new() };
    let told = UnixMs::new(START_MS);
    book.restore(key, Firing::restored((told, told), 0, "low".to_owned()));
    let mut step = |minutes: u64, holds: bool| {
        let steady_ms = minutes * 60_000;
        let now = Moment { wall: UnixMs::new(START_MS + steady_ms), steady_ms };
        let found = if holds { vec![raised()] } else { vec![] };
        book.step(rule(), (found, &|_| false), now, REPEAT_MS).len()
    };
    assert_eq!([step(0, false), step(9, false), step(10, false)], [0, 0, 1]);
}

#[test]
fn more_alarms_than_can_be_followed_are_left_out() {
    let mut book = Book::default();
    let raised = |n: usize| {
        let labels = [("n".to_owned(), n.to_string())].into();
        Raised { labels, summary: String::new() }
    };
    let now = Moment { wall: UnixMs::new(START_MS), steady_ms: 0 };
    let at_once = RULES.iter().find(|rule| rule.held_ms == 0).unwrap();
    let changes = book.step(at_once, ((0..600).map(raised).collect(), &|_| false), now, REPEAT_MS);
    assert_eq!((changes.len(), book.states().count()), (512, 512));
}
