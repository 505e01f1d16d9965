//! Writes views as HTML.

use crate::assets::Assets;
use crate::chrome::Chrome;
use crate::docs::{Docs, Group, START};
use crate::error::PagesError;
use crate::site::Site;
use crate::templates;
use crate::view::View;
use crate::views::DocPage;
use crate::words::Words;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use std::sync::Arc;

/// The template around a whole document.
const DOCUMENT: &str = "base.html";
/// The template around what stands in `<main>`.
const FRAGMENT: &str = "fragment.html";

/// The templates with the words and the assets of a service.
pub struct Pages {
    environment: Environment<'static>,
    assets: Arc<Assets>,
    docs: Docs,
    site: Site,
}

impl Pages {
    /// Reads the words, the assets and the templates, which are compiled in.
    ///
    /// # Errors
    /// When one of them is malformed, which a test rules out.
    pub fn new(site: Site) -> Result<Self, PagesError> {
        let assets = Arc::new(Assets::read()?);
        let environment = templates::environment(&site, &Words::read()?, &assets)?;
        Ok(Self { environment, assets, docs: Docs::new(), site })
    }

    /// A view as a whole document.
    ///
    /// # Errors
    /// When the template needs what the view does not have.
    pub fn page<V: View>(&self, view: &V, chrome: &Chrome) -> Result<String, PagesError> {
        self.written(V::TEMPLATE, context! { layout => DOCUMENT, chrome => Serde(chrome), v => Serde(view) })
    }

    /// A view as what stands in `<main>`, after a `<title>`.
    ///
    /// # Errors
    /// When the template needs what the view does not have.
    pub fn fragment<V: View>(&self, view: &V) -> Result<String, PagesError> {
        self.written(V::TEMPLATE, context! { layout => FRAGMENT, v => Serde(view) })
    }

    /// A view as plain text, by a template whose name ends in `.txt`.
    ///
    /// # Errors
    /// When the template needs what the view does not have.
    pub fn text<V: View>(&self, view: &V) -> Result<String, PagesError> {
        self.written(V::TEMPLATE, context! { v => Serde(view) })
    }

    /// The style sheets and scripts.
    #[must_use]
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// A page of the documentation; none of this name may be there.
    #[must_use]
    pub fn doc(&self, slug: &str) -> Option<DocPage> {
        let written = self.docs.page(slug, &self.site)?;
        Some(DocPage {
            slug: slug.to_owned(),
            title: written.title.clone(),
            headings: written.headings.clone(),
            body: written.body.clone(),
            groups: Docs::groups(),
        })
    }

    /// The page of quick starts.
    #[must_use]
    pub fn quick_starts(&self) -> Option<DocPage> {
        self.doc(START)
    }

    /// The file of a page of the documentation.
    #[must_use]
    pub fn doc_source(&self, slug: &str) -> Option<&'static str> {
        self.docs.source(slug)
    }

    /// All pages of the documentation.
    #[must_use]
    pub fn doc_groups(&self) -> Vec<Group> {
        Docs::groups()
    }

    /// The service that the pages belong to.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }

    fn written(&self, template: &str, values: Value) -> Result<String, PagesError> {
        Ok(self.environment.get_template(template)?.render(values)?)
    }
}
