//! The places of a page that a link can name.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::{BTreeSet, HashMap};

/// The ids of a page's headings, as GitHub and mdbook make them: letters in lower case, spaces as hyphens, other signs left
/// out; a heading of the same text as one before gets a number.
pub(super) fn ids(text: &str) -> BTreeSet<String> {
    let (mut ids, mut seen) = (BTreeSet::new(), HashMap::<String, usize>::new());
    for title in titles(text) {
        let id = id(&title);
        let count = seen.entry(id.clone()).or_default();
        ids.insert(if *count == 0 { id } else { format!("{id}-{count}") });
        *count += 1;
    }
    ids
}

/// The texts of the headings, without their marks.
fn titles(text: &str) -> Vec<String> {
    let (mut titles, mut open) = (Vec::new(), None::<String>);
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => open = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => titles.extend(open.take()),
            Event::Text(part) | Event::Code(part) => {
                if let Some(title) = &mut open {
                    title.push_str(&part);
                }
            }
            _ => {}
        }
    }
    titles
}

fn id(title: &str) -> String {
    let letters = title.trim().chars().flat_map(char::to_lowercase);
    let kept = letters.filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}
