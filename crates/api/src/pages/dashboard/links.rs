//! Links to pages, with a range and filters in their query. Pure.

use opencredits_pages::views::dashboard::{Filter, Filters};
use opencredits_units::{KeyId, PartnerId};

/// The longest name of a model that is looked for.
const MODEL_CHARS_MAX: usize = 200;

/// A link, whose query is built name by name.
#[derive(Debug, Clone)]
pub(super) struct Link {
    path: &'static str,
    query: Vec<(&'static str, String)>,
}

impl Link {
    pub(super) const fn to(path: &'static str) -> Self {
        Self { path, query: Vec::new() }
    }

    /// The same with this parameter, in place of an earlier one.
    pub(super) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.retain(|(other, _)| *other != name);
        self.query.push((name, value.to_string()));
        self
    }

    /// The same with this parameter, where there is one.
    pub(super) fn maybe(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn text(&self) -> String {
        if self.query.is_empty() {
            return self.path.to_owned();
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.query.iter().map(|(name, value)| (*name, value.as_str())));
        format!("{}?{}", self.path, query.finish())
    }
}

/// What a page shows of all requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) model: Option<String>,
    pub(super) key: Option<KeyId>,
    pub(super) app: Option<PartnerId>,
}

impl Selection {
    /// The filters of a query. One that cannot be read is none.
    pub(super) fn of<'a>(asked: impl Fn(&str) -> Option<&'a str>) -> Self {
        Self {
            model: asked("model").filter(|name| name.chars().count() <= MODEL_CHARS_MAX).map(str::to_owned),
            key: asked("key_id").and_then(|id| id.parse().ok()),
            app: asked("app_id").and_then(|id| id.parse().ok()),
        }
    }

    /// A link with these filters.
    pub(super) fn on(&self, link: Link) -> Link {
        link.maybe("model", self.model.as_ref()).maybe("key_id", self.key).maybe("app_id", self.app)
    }

    /// The filters as a page shows them; `base` is the page without any.
    pub(super) fn shown(&self, base: &Link, name_of: impl Fn(&Self) -> (String, String)) -> Filters {
        let (key_name, app_name) = name_of(self);
        let without = |change: fn(&mut Self)| {
            let mut rest = self.clone();
            change(&mut rest);
            rest.on(base.clone()).text()
        };
        let filter = |by: &str, name: String, (parameter, value): (&str, String), without_href: String| Filter {
            by: by.to_owned(),
            name,
            without_href,
            parameter: parameter.to_owned(),
            value,
        };
        let mut active = Vec::new();
        if let Some(model) = &self.model {
            let href = without(|rest| rest.model = None);
            active.push(filter("model", model.clone(), ("model", model.clone()), href));
        }
        if let Some(key) = self.key {
            active.push(filter("key", key_name, ("key_id", key.to_string()), without(|rest| rest.key = None)));
        }
        if let Some(app) = self.app {
            active.push(filter("app", app_name, ("app_id", app.to_string()), without(|rest| rest.app = None)));
        }
        Filters { active, clear_href: base.text(), path: base.path.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_encodes_its_values_and_replaces_them() {
        let link = Link::to("/dashboard/requests").with("model", "a/b&c=d<\"").with("from", "1").with("from", "2");
        assert_eq!(link.text(), "/dashboard/requests?model=a%2Fb%26c%3Dd%3C%22&from=2");
        assert_eq!(Link::to("/dashboard").maybe("x", None::<u8>).text(), "/dashboard");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_none() {
        let query = [("model", "m"), ("key_id", "nonsense"), ("app_id", "")];
        let selection = Selection::of(|name| query.iter().find(|(other, _)| *other == name).map(|(_, value)| *value));
        assert_eq!(selection, Selection { model: Some("m".to_owned()), ..Selection::default() });
        let filters = selection.shown(&Link::to("/p").with("days", 7), |_| Default::default());
        assert_eq!(filters.active.len(), 1);
        assert_eq!(filters.active[0].without_href, "/p?days=7");
    }
}
