//! Terms that every request is searched for.

use memchr::memmem::Finder;
use std::sync::LazyLock;

/// A term that every request is searched for, prepared once.
pub(super) struct SearchTerm(pub(super) LazyLock<Finder<'static>>);

impl SearchTerm {
    pub(super) fn is_in(&self, raw: &[u8]) -> bool {
        self.0.find(raw).is_some()
    }
}

pub(super) static AUDIO: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new("audio")));
pub(super) static INPUT_AUDIO: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new("input_audio")));
pub(super) static IMAGE: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new("image")));
/// A video, or a file that may be one.
pub(super) static VIDEO: VideoTerms = VideoTerms([
    SearchTerm(LazyLock::new(|| Finder::new("video/"))),
    SearchTerm(LazyLock::new(|| Finder::new("\"fileUri\""))),
    SearchTerm(LazyLock::new(|| Finder::new("\"file_uri\""))),
]);
pub(super) static CACHE_CONTROL: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new("\"cache_control\"")));
pub(super) static ONE_HOUR: SearchTerm = SearchTerm(LazyLock::new(|| Finder::new("1h")));

/// Alternative terms.
pub(super) struct VideoTerms([SearchTerm; 3]);

impl VideoTerms {
    pub(super) fn is_in(&self, raw: &[u8]) -> bool {
        self.0.iter().any(|word| word.is_in(raw))
    }
}
