//! Trying models out.

use super::person::Person;
use crate::errors::Problem;
use crate::pages::PageRequest;
use crate::pages::prices;
use opencredits_catalog::{Model, ModelKind};
use opencredits_pages::views::dashboard::{PlayModel, Playground};
use opencredits_units::{Bucket, Rate};
use std::sync::Arc;

pub(super) async fn page(request: PageRequest) -> Result<Playground, Problem> {
    let person = Person::of(&request).await?;
    let catalog = person.app.gateway.catalog();
    let mut models: Vec<&Arc<Model>> =
        catalog.models().iter().filter(|model| model.kind == ModelKind::Chat && !model.deprecated).collect();
    models.sort_by_key(|model| (model.name.to_lowercase(), model.id.clone()));
    let asked = person.asked("model").and_then(|id| models.iter().find(|model| model.id.to_string() == id));
    let chosen = asked.or(models.first()).map(|model| model.id.to_string());
    Ok(Playground {
        balance: person.balance(),
        base_url: format!("{}/v1", person.app.pages.pages.site().url),
        model: chosen.unwrap_or_default(),
        models: models.into_iter().map(|model| shown(&person, model)).collect(),
    })
}

fn shown(person: &Person<'_>, model: &Model) -> PlayModel {
    let markup = prices::markup(person.app, model);
    let credits = |rate: Rate| {
        let exact = person.app.settings.credit_price.show(prices::per_million(rate, markup));
        exact.to_string()
    };
    let (input, output) = (model.route.card.rate(Bucket::InputUncached), model.route.card.rate(Bucket::Output));
    PlayModel {
        id: model.id.to_string(),
        name: model.name.clone(),
        input: credits(input),
        output: credits(output),
        output_max: model.max_output_tokens,
        sees: model.input_modalities.iter().any(|one| one == "image"),
        has_temperature: model.supports.iter().any(|one| one == "temperature"),
    }
}
