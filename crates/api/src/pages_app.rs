//! What the handlers of pages share.

use crate::pages::Lists;
use opencredits_pages::{Pages, PagesError, Site};
use std::sync::Arc;

/// The pages for people.
pub struct PagesApp {
    /// Templates, words and assets.
    pub pages: Pages,
    /// Lists of models that were asked for lately.
    pub(crate) lists: Lists,
}

impl PagesApp {
    /// The pages of a service.
    ///
    /// # Errors
    /// When a template, the words or an asset is malformed, which a test rules out.
    pub fn new(site: Site) -> Result<Arc<Self>, PagesError> {
        Ok(Arc::new(Self { pages: Pages::new(site)?, lists: Lists::default() }))
    }
}
