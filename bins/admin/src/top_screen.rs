//! The screen of `top`, drawn from what it shows.

use crate::top_state::{GroupView, Grouping, SlowRequest, TopView};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Cell, Paragraph, Row, Sparkline, Table, Widget};

/// The size of a screen that is printed.
const PRINTED: Rect = Rect { x: 0, y: 0, width: 110, height: 44 };
/// The rows of the slowest requests, and those of the errors, with a heading and a blank line.
const LIST_ROWS: u16 = 7;
/// The widths of the table's columns besides the first.
const WIDTHS: [u16; 6] = [9, 13, 8, 8, 9, 17];

/// Draws a screen.
pub(crate) fn draw(view: &TopView, area: Rect, buffer: &mut Buffer) {
    let list_rows = Constraint::Length(LIST_ROWS);
    let rows = [Constraint::Length(1), Constraint::Length(2), Constraint::Min(3), list_rows, list_rows];
    let rows = rows.into_iter().chain([Constraint::Length(1)]);
    let [head, history, groups, slowest, errors, help] = Layout::vertical(rows).areas(area);
    Paragraph::new(heading(view)).style(bold()).render(head, buffer);
    Sparkline::default().data(&view.history).render(history, buffer);
    table(view).render(groups, buffer);
    list("slowest of the last minute", view.slowest.iter().map(slow).collect()).render(slowest, buffer);
    let of_errors = view.errors.iter().map(|(kind, count)| format!("{count:>6}  {kind}")).collect();
    list("errors of the last minute", of_errors).render(errors, buffer);
    Paragraph::new("m models  v vendors  p partners  q quit").render(help, buffer);
}

/// The screen as text.
pub(crate) fn text(view: &TopView) -> String {
    let mut buffer = Buffer::empty(PRINTED);
    // The last row names keys, which nobody presses here.
    draw(view, PRINTED, &mut buffer);
    let row = |y: u16| -> String {
        let cells = (0..PRINTED.width).filter_map(|x| buffer.cell((x, y)));
        cells.map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()
    };
    let rows: Vec<String> = (0..PRINTED.height.saturating_sub(1)).map(row).collect();
    let mut text = String::new();
    let mut blank = false;
    for row in rows {
        // Many empty rows in a row say no more than one.
        if row.is_empty() && blank {
            continue;
        }
        blank = row.is_empty();
        text.push_str(&row);
        text.push('\n');
    }
    text
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn heading(view: &TopView) -> String {
    let (total, open) = (&view.total, view.open);
    let missed = if view.missed > 0 { format!("   {} lines missed", view.missed) } else { String::new() };
    format!(
        "{:.1} requests/s   ${}/s   open: {} requests, {} streams   last minute: {} requests, {} errors{missed}",
        total.requests_per_s, total.spend_per_s_usd, open.requests, open.streams, total.requests, total.errors
    )
}

fn table(view: &TopView) -> Table<'static> {
    let by = match view.grouping {
        Grouping::Model => "MODEL",
        Grouping::Vendor => "VENDOR",
        Grouping::Partner => "PARTNER",
    };
    let heads = ["REQ/S", "$/S", "REQS", "ERRORS", "MEAN MS", "TOKENS IN→OUT"].map(right);
    let head = Row::new([Cell::from(by)].into_iter().chain(heads)).style(bold());
    let widths = [Constraint::Min(30)].into_iter().chain(WIDTHS.map(Constraint::Length));
    Table::new(view.groups.iter().map(group), widths).header(head)
}

fn right(text: impl Into<String>) -> Cell<'static> {
    let text: String = text.into();
    Cell::from(Line::from(text).right_aligned())
}

fn group(group: &GroupView) -> Row<'static> {
    let figures = [
        format!("{:.1}", group.requests_per_s),
        group.spend_per_s_usd.to_string(),
        group.requests.to_string(),
        group.errors.to_string(),
        group.mean_ms.to_string(),
        format!("{}→{}", group.input_tokens, group.output_tokens),
    ];
    Row::new([Cell::from(group.name.clone())].into_iter().chain(figures.map(right)))
}

fn slow(request: &SlowRequest) -> String {
    let SlowRequest { duration_ms, model, vendor, outcome, request_id } = request;
    format!("{duration_ms:>7} ms  {outcome:<9} {model} by {vendor}  {request_id}")
}

fn list(title: &'static str, rows: Vec<String>) -> Paragraph<'static> {
    let title = Line::styled(title, bold());
    let empty = rows.is_empty().then(|| Line::from("      none"));
    Paragraph::new(std::iter::once(title).chain(rows.into_iter().map(Line::from)).chain(empty).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top_state::Top;
    use crate::top_state::tests::{BEGAN, at, line};
    use opencredits_api::admin::FollowLine;
    use opencredits_service::access::OpenCounts;
    use serde_json::json;

    /// Half a minute of two models and some errors.
    fn busy() -> Top {
        let mut top = Top::new(BEGAN);
        let mut number = 0;
        for second in 0..30 {
            for of_second in 0..=(second % 4) {
                number += 1;
                let call = json!({"model": "openai/gpt-5", "vendor": "openai", "charge_usd": "0.0042",
                    "input_tokens": 1_200, "output_tokens": 300, "duration_ms": 900 + number + of_second});
                top.take(line(number, call), at(second));
            }
            number += 1;
            let call = json!({"model": "anthropic/claude-sonnet-4.5", "vendor": "anthropic", "charge_usd": "0.011",
                "input_tokens": 2_000, "cache_read_tokens": 500, "output_tokens": 700, "duration_ms": 2_400});
            top.take(line(number, call), at(second));
        }
        let failed = json!({"model": "openai/gpt-5", "vendor": "openai", "outcome": "failed", "status": 502,
            "error": "provider_unavailable", "duration_ms": 30_000});
        top.take(line(900, failed), at(29));
        top.take(
            line(901, json!({"asked": "openai/gpt-5", "outcome": "refused", "error": "payment_required"})),
            at(29),
        );
        top.take(FollowLine::Open(OpenCounts { requests: 7, streams: 5 }), at(29));
        top
    }

    #[test]
    fn a_busy_gateway_fills_the_screen() {
        let top = busy();
        insta::assert_snapshot!("by_model", text(&top.view(Grouping::Model, at(29))));
        insta::assert_snapshot!("by_vendor", text(&top.view(Grouping::Vendor, at(29))));
    }

    #[test]
    fn a_gateway_without_requests_has_an_empty_screen() {
        let mut top = Top::new(BEGAN);
        top.take(FollowLine::Missed(12), at(0));
        insta::assert_snapshot!("empty", text(&top.view(Grouping::Partner, at(1))));
    }

    #[test]
    fn a_screen_of_any_size_can_be_drawn() {
        let view = busy().view(Grouping::Model, at(29));
        for (width, height) in [(0, 0), (1, 1), (10, 3), (40, 10), (300, 90)] {
            let area = Rect { x: 0, y: 0, width, height };
            draw(&view, area, &mut Buffer::empty(area));
        }
    }
}
