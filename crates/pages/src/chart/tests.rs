//! Charts of any data.

use super::layout::{DAY_WIDTH, HEIGHT};
use super::*;
use proptest::prelude::*;

fn days(count: usize) -> Vec<Day> {
    (1..=count).map(|day| Day { date: format!("2026-01-{day:02}"), href: format!("?day={day}") }).collect()
}

fn series(name: &str, values: &[u64]) -> Series {
    Series { name: name.to_owned(), href: String::new(), values: values.to_vec() }
}

fn chart(days_count: usize, all: Vec<Series>) -> Bars {
    Bars::of(Data { days: days(days_count), series: all, ends_today: true, unit: Unit::Count })
}

/// A chart as text: a line for each bar, with series:height of each part from below.
fn text(bars: &Bars) -> String {
    let of = |bar: &Bar| {
        let parts: Vec<String> = bar.parts.iter().map(|part| format!("{}:{}", part.series, part.height)).collect();
        let partial = if bar.is_partial { " so far" } else { "" };
        format!("{}..{} {} = {} [{}]{partial}", bar.x, bar.x + bar.width, bar.height, bar.total, parts.join(" "))
    };
    let lines: Vec<String> = bars.lines.iter().map(|line| format!("{}@{}", line.label, line.y)).collect();
    let ticks: Vec<&str> = bars.ticks.iter().map(|tick| tick.date.trim_start_matches("2026-01-")).collect();
    let keys: Vec<String> = bars.keys.iter().map(|key| format!("{}={} {}", key.series, key.name, key.total)).collect();
    let rows: Vec<String> = bars.bars.iter().map(of).collect();
    format!("{}\n{}\n{}\n{}", lines.join(" "), rows.join("\n"), ticks.join(" "), keys.join(", "))
}

fn check(bars: &Bars, expect: &str) {
    let expect: Vec<&str> = expect.trim().lines().map(str::trim).collect();
    assert_eq!(text(bars).trim(), expect.join("\n"));
}

#[test]
fn bars_are_stacked_with_the_highest_series_at_the_base() {
    let bars = chart(3, vec![series("small", &[1, 0, 2]), series("large", &[3, 0, 6])]);
    check(
        &bars,
        "8@0 6@250 4@500 2@750 0@1000
        14..86 500 = 4 [1:375 2:125]
        114..186 0 = 0 []
        214..286 1000 = 8 [1:750 2:250] so far
        01 03
        1=large 9, 2=small 3",
    );
    assert_eq!(bars.highest.as_ref().map(|day| (day.date.as_str(), day.total.as_str())), Some(("2026-01-03", "8")));
}

#[test]
fn the_seventh_series_and_those_after_it_are_the_rest() {
    let all = (1..=8).map(|at| series(&format!("s{at}"), &[at])).collect();
    let bars = chart(1, all);
    check(
        &bars,
        "40@0 30@250 20@500 10@750 0@1000
        14..86 900 = 36 [1:200 2:175 3:150 4:125 5:100 6:75 0:75] so far
        01
        1=s8 8, 2=s7 7, 3=s6 6, 4=s5 5, 5=s4 4, 6=s3 3, 0= 3",
    );
}

#[test]
fn no_days_and_no_usage_make_an_empty_chart() {
    for (count, all) in [(0, vec![]), (0, vec![series("a", &[5])]), (2, vec![]), (2, vec![series("a", &[0, 0])])] {
        let bars = chart(count, all);
        assert!(bars.is_empty());
        assert_eq!((bars.bars.len(), bars.keys.len(), bars.total.as_str()), (count, 0, "0"));
    }
}

#[test]
fn a_year_has_five_labels_and_no_gaps() {
    let bars = chart(366, vec![series("a", &[7; 366])]);
    assert_eq!(bars.bars.len(), 366);
    let last = bars.bars.last().unwrap();
    assert_eq!((last.width, last.x + last.width), (DAY_WIDTH, bars.width));
    let ticks: Vec<&str> = bars.ticks.iter().map(|tick| tick.date.as_str()).collect();
    assert_eq!(ticks, ["2026-01-01", "2026-01-92", "2026-01-183", "2026-01-274", "2026-01-366"]);
}

#[test]
fn of_too_many_days_the_latest_are_drawn_with_their_values() {
    let mut values = vec![0; DAYS_MAX + 10];
    values[9] = 5;
    values[10] = 3;
    let bars = chart(DAYS_MAX + 10, vec![series("a", &values)]);
    assert_eq!(bars.bars.len(), DAYS_MAX);
    assert_eq!((bars.bars[0].date.as_str(), bars.bars[0].total.as_str()), ("2026-01-11", "3"));
    assert_eq!(bars.total, "3", "what is not drawn is not in the sum");
}

#[test]
fn a_day_of_little_is_seen() {
    let bars = chart(2, vec![series("a", &[1, 1_000_000])]);
    assert_eq!(bars.bars[0].height, 6);
    assert_eq!(bars.bars[0].parts[0].height, 6);
}

fn any_series() -> impl Strategy<Value = Vec<Series>> {
    let value = prop_oneof![Just(0), 0..50_u64, any::<u64>()];
    let one = ("[a-z<&\"']{0,5}", prop::collection::vec(value, 0..12));
    prop::collection::vec(one.prop_map(|(name, values)| series(&name, &values)), 0..12)
}

proptest! {
    #[test]
    fn nothing_is_outside_the_box_and_parts_add_up(count in 0..12_usize, all in any_series(), ends_today: bool) {
        let data = Data { days: days(count), series: all, ends_today, unit: Unit::NanoCredits };
        let bars = Bars::of(data.clone());
        prop_assert!(bars.lines.len() <= usize::try_from(LINES_MAX).unwrap() + 1 && bars.lines.len() >= 2);
        prop_assert_eq!(bars.lines.last().map(|line| (line.y, line.label.as_str())), Some((HEIGHT, "0")));
        prop_assert_eq!(bars.lines.first().map(|line| line.y), Some(0));
        prop_assert!(bars.keys.len() <= SERIES_MAX + 1 && bars.ticks.len() <= 5);
        for (at, bar) in bars.bars.iter().enumerate() {
            prop_assert!(bar.x + bar.width <= bars.width && bar.height <= HEIGHT);
            prop_assert_eq!(bar.parts.iter().map(|part| part.height).sum::<u64>(), bar.height);
            prop_assert_eq!(bar.values.len(), bars.keys.len());
            let mut base = HEIGHT;
            for part in &bar.parts {
                prop_assert_eq!(part.y + part.height, base);
                base = part.y;
            }
            let there: u64 = data.series.iter().filter_map(|one| one.values.get(at)).fold(0, |sum, value| sum.saturating_add(*value));
            prop_assert_eq!(bar.height > 0, there > 0);
            prop_assert_eq!(bar.is_partial, ends_today && at + 1 == count);
        }
        prop_assert_eq!(&bars, &Bars::of(data), "the same data make the same chart");
    }

    #[test]
    fn a_higher_day_has_a_bar_that_is_not_lower(a: u64, b: u64) {
        let bars = chart(2, vec![series("a", &[a, b])]);
        prop_assert_eq!(a.cmp(&b), if bars.bars[0].height == bars.bars[1].height { a.cmp(&b) } else { bars.bars[0].height.cmp(&bars.bars[1].height) });
    }
}
