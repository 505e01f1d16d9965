//! Writes views as HTML.

use crate::assets::Assets;
use crate::chrome::Chrome;
use crate::error::PagesError;
use crate::site::Site;
use crate::templates;
use crate::view::View;
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
        Ok(Self { environment, assets, site })
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

    /// The service that the pages belong to.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }

    fn written(&self, template: &str, values: Value) -> Result<String, PagesError> {
        Ok(self.environment.get_template(template)?.render(values)?)
    }
}
