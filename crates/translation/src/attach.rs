//! Finds the attachments that a conversation names by URL, and puts the fetched bytes in their place.

use crate::attachment::Attached;
use crate::conversation::{Conversation, Part, PartContent, Source};
use std::borrow::Cow;

/// Every URL of a picture or document.
pub(crate) fn addresses(conversation: &mut Conversation<'_>) -> Vec<String> {
    let mut found = Vec::new();
    each_source(conversation, |source| {
        if let Source::Url(url) = source {
            found.push(url.to_string());
        }
    });
    found.sort_unstable();
    found.dedup();
    found
}

/// Puts fetched bytes in the place of their URL, and the correct media type in the place of one that providers refuse.
pub(crate) fn attach<'a>(conversation: &mut Conversation<'a>, attached: &'a Attached) {
    each_source(conversation, |source| {
        if let Source::Url(url) = source
            && let Some(fetched) = attached.get(url)
        {
            *source = Source::Base64 { mime: Cow::Borrowed(&fetched.mime), data: Cow::Borrowed(&fetched.data) };
        }
        if let Source::Base64 { mime, .. } = source
            && mime == "image/jpg"
        {
            *mime = Cow::Borrowed("image/jpeg");
        }
    });
}

fn each_source<'a>(conversation: &mut Conversation<'a>, mut visit: impl FnMut(&mut Source<'a>)) {
    let turns = conversation.turns.iter_mut().flat_map(|turn| &mut turn.parts);
    for part in conversation.system.iter_mut().chain(turns) {
        match &mut part.content {
            PartContent::Result { parts, .. } => parts.iter_mut().for_each(|part| of_part(part, &mut visit)),
            _ => of_part(part, &mut visit),
        }
    }
}

fn of_part<'a>(part: &mut Part<'a>, visit: &mut impl FnMut(&mut Source<'a>)) {
    if let PartContent::Image { source, .. } | PartContent::Document { source, .. } = &mut part.content {
        visit(source);
    }
}
