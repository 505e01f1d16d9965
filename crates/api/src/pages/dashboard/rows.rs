//! Requests as rows.

use super::names::Names;
use super::person::Person;
use opencredits_pages::figures::Count;
use opencredits_pages::views::dashboard::RequestRow;
use opencredits_service::{Generation, GenerationStatus};
use opencredits_units::Tokens;

/// A request as a row.
pub(super) fn row(person: &Person<'_>, names: &Names, request: &Generation) -> RequestRow {
    let usage = request.record.usage();
    let count = |tokens: Option<Tokens>| Count::of(tokens.map_or(0, Tokens::get));
    RequestRow {
        href: format!("/dashboard/requests/{}", request.id),
        at: request.id.made_at().into(),
        model: request.record.model.clone(),
        key: names.key(request.record.key),
        app: request.partner.map(|app| names.app(app)),
        input: count(usage.input_total()),
        output: count(usage.output_total()),
        charged: person.charged(request.collected),
        state: GenerationStatus::of(&request.record).name().to_owned(),
    }
}
