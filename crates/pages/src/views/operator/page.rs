//! A page.

use super::act::{Act, Field};
use super::cell::{Cell, Tone};
use super::section::{Column, Fact, Figure, Hour, Row, Section, Table};
use crate::figures::{Count, Money, Rounding};
use crate::view::View;
use crate::when::When;
use opencredits_units::{CreditPrice, NanoUsd, UnixMs};
use serde::Serialize;

/// What should be seen before everything else.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Remark {
    /// The key of its words.
    pub state: String,
    /// How it is to be read.
    pub class: Tone,
    /// What it is about: a number, a name, an error.
    pub detail: String,
    /// Where more is to be seen.
    pub href: Option<String>,
}

/// The page that a page is a part of.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Back {
    /// The key of its title.
    pub state: String,
    /// Its address.
    pub href: String,
}

/// A page of the operator.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OperatorPage {
    /// Which: the key of its words.
    pub kind: String,
    /// The name of what it shows; empty where it shows no single thing.
    pub name: String,
    /// The page that it is a part of.
    pub back: Option<Back>,
    /// What was looked for, on a page that looks something up.
    pub search: Option<String>,
    /// The day that a page is as of, which can be chosen; empty for now.
    pub day: Option<String>,
    /// What should be seen first.
    pub remarks: Vec<Remark>,
    /// What may be done.
    pub acts: Vec<Act>,
    /// Where everything about the person is to be had, as one archive.
    pub export_href: Option<String>,
    /// The parts.
    pub sections: Vec<Section>,
}

impl View for OperatorPage {
    const TEMPLATE: &'static str = "operator_page.html";
}

/// A text with every character that means something in HTML.
pub(super) const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'&{{7*7}}";

/// An amount of a sample.
pub(super) fn amount(nano: i64) -> Money {
    Money::of(NanoUsd::new(nano), CreditPrice::default(), Rounding::Down)
}

impl OperatorPage {
    /// A page of this kind.
    #[must_use]
    pub fn of(kind: &str) -> Self {
        Self { kind: kind.to_owned(), ..Self::default() }
    }

    /// Every state.
    #[must_use]
    pub fn samples() -> Vec<Self> {
        let empty = Self {
            search: Some(String::new()),
            sections: vec![Table::of("people", [Column::of("person")]).into()],
            ..Self::of("people")
        };
        let found = Self { search: Some(HOSTILE.to_owned()), sections: Vec::new(), ..empty.clone() };
        vec![empty, found, Self::full(), Self::today(), Self::today_without_requests()]
    }

    fn full() -> Self {
        let at = When::from(UnixMs::new(1_796_000_000_000));
        let cells = vec![
            Cell::Nothing,
            Cell::text(HOSTILE),
            Cell::code("key_1"),
            Cell::number("12.5%"),
            Cell::Time { at },
            Cell::Amount { amount: amount(12_400_000_000) },
            Cell::many(12_431),
            Cell::word("active"),
            Cell::toned("suspended", Tone::Bad),
            Cell::toned("a state without a word", Tone::Warn),
            Cell::link(HOSTILE, "/operator/people/user_1"),
            Cell::go("open_it", "/operator/ledger"),
        ];
        let fields = ["text", "number", "amount", "check", "area", "reset"];
        let act = fields.iter().zip(["name", "share_bps", "credits", "disabled", "accept", "reset"]);
        let act = act.fold(Act::on("edit_key", ("key", "key_1")), |act, (class, name)| {
            act.with(Field::optional(name, class).with(HOSTILE))
        });
        let row = Row { acts: vec![act.clone().named(HOSTILE)], ..Row::of(vec![Cell::text(HOSTILE), Cell::many(3)]) };
        let table = Table {
            more_href: Some("/operator/people?before=1".to_owned()),
            first_href: Some("/operator/people".to_owned()),
            left_out: 3,
            acts: vec![Act::alone("reconcile")],
            ..Table::of("keys", [Column::of("key"), Column::right("requests")])
        };
        let table = table.with(vec![row.clone(), row]).sorted(Some("-requests"), |by| format!("/operator?sort={by}"));
        let facts = cells.into_iter().map(|cell| Fact::of("balance", cell)).collect();
        Self {
            name: HOSTILE.to_owned(),
            day: Some("2026-11-30".to_owned()),
            back: Some(Back { state: "people".to_owned(), href: "/operator/people".to_owned() }),
            acts: vec![Act::on("suspend", ("user", "user_1")).reasoned().dangerous()],
            export_href: Some("/v1/operator/people/user_1/export".to_owned()),
            sections: vec![
                Section::Facts { state: "account".to_owned(), facts, acts: vec![act] },
                Section::facts("", Vec::new()),
                table.into(),
            ],
            ..Self::of("person")
        }
    }

    fn today() -> Self {
        let hour = |hour: u32, percent: u64| Hour {
            hour: format!("{hour:02}"),
            charged: amount(1_000_000_000),
            requests: Count::of(3),
            uncharged: Count::of(1),
            x: hour.saturating_mul(10),
            percent,
        };
        let remark = |state: &str, class| Remark {
            state: state.to_owned(),
            class,
            detail: HOSTILE.to_owned(),
            href: Some("/operator/jobs".to_owned()),
        };
        let figure = |cell: Cell, href: Option<&str>| Figure {
            state: "charged".to_owned(),
            cell,
            href: href.map(str::to_owned),
        };
        Self {
            remarks: vec![remark("jobs_fail", Tone::Bad), remark("behind", Tone::Warn), remark("all_good", Tone::Good)],
            sections: vec![
                Section::Figures {
                    figures: vec![
                        figure(Cell::Amount { amount: amount(10_000_000) }, None),
                        figure(Cell::many(12_431), Some("/operator/orders")),
                    ],
                },
                Section::Hours { hours: vec![hour(7, 40), hour(8, 100)], is_cut: true },
            ],
            ..Self::of("overview")
        }
    }

    fn today_without_requests() -> Self {
        Self { sections: vec![Section::Hours { hours: Vec::new(), is_cut: false }], ..Self::of("overview") }
    }
}
