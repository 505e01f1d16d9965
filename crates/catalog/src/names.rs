//! The names a model answers to: any case, with or without author, dated or not.

use crate::error::CatalogError;
use crate::model::Model;
use hashbrown::HashMap;

/// No model has a longer name: nothing is like such a name, and none is searched for.
const NAME_BYTES_MAX: usize = 256;
/// Characters of an unknown name that its refusal repeats.
const SHOWN_CHARS_MAX: usize = 64;
/// Names proposed for one that is unknown.
const SIMILAR_MAX: usize = 3;
/// How much a name must be alike to be proposed, in percent.
const SIMILAR_MIN: usize = 60;
/// Leading characters that make a name alike.
const SIMILAR_PREFIX_MIN: usize = 4;
/// The likeness of names with the same words.
const SAME_WORDS: usize = 99;

/// Which model each name means, by its place in the list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names(HashMap<String, usize>);

impl Names {
    /// Exact names win over bare ones, bare ones over undated ones; among equals the one whose vendor made it,
    /// then the newer one.
    pub(crate) fn of(models: &[std::sync::Arc<Model>]) -> Self {
        let mut names = HashMap::new();
        let mut order: Vec<usize> = (0..models.len()).collect();
        order.sort_by_key(|at| {
            models.get(*at).map(|model| {
                (*model.route.vendor != *model.owned_by, std::cmp::Reverse(model.released), model.id.clone())
            })
        });
        for degree in [exact, bare, undated] {
            for at in &order {
                for name in models.get(*at).into_iter().flat_map(|model| degree(model)) {
                    names.entry(name).or_insert(*at);
                }
            }
        }
        Self(names)
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        if let Some(at) = self.0.get(name) {
            return Some(*at);
        }
        let lower = name.trim().to_lowercase();
        let found = self.0.get(&lower);
        found.or_else(|| self.0.get(without_date(&lower)?)).copied()
    }

    pub(crate) fn similar(&self, name: &str, models: &[std::sync::Arc<Model>]) -> Vec<String> {
        // The search takes time in proportion to the length of the name.
        if name.len() > NAME_BYTES_MAX {
            return Vec::new();
        }
        let lower = name.to_lowercase();
        let asked = lower.rsplit('/').next().unwrap_or(&lower);
        let mut scored: Vec<(usize, &str)> = models
            .iter()
            .map(|model| {
                let bare = likeness(asked, model.id.rsplit('/').next().unwrap_or(&model.id));
                (if words(&lower) == words(&model.id) { SAME_WORDS } else { bare }, &*model.id)
            })
            .filter(|(likeness, _)| *likeness >= SIMILAR_MIN)
            .collect();
        scored.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.len().cmp(&b.1.len())).then_with(|| a.1.cmp(b.1)));
        scored.into_iter().take(SIMILAR_MAX).map(|(_, id)| id.to_owned()).collect()
    }
}

/// Refuses models of which two have one id or alias: which of them a request means would depend on their order.
pub(crate) fn distinct(models: &[std::sync::Arc<Model>]) -> Result<(), CatalogError> {
    let mut owners: HashMap<String, usize> = HashMap::new();
    for (at, model) in models.iter().enumerate() {
        for name in exact(model) {
            let owner = *owners.entry(name.clone()).or_insert(at);
            if let Some(other) = models.get(owner).filter(|_| owner != at) {
                let (first, second) = (other.id.to_string(), model.id.to_string());
                return Err(CatalogError::SameName { name, first, second });
            }
        }
    }
    Ok(())
}

/// A name as an error may repeat it: its beginning, where it is long.
pub(crate) fn shown(name: &str) -> String {
    match name.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

/// How much two names are alike, in percent: the same words in another order nearly fully, else by the letters that differ,
/// or by the beginning that they share.
fn likeness(asked: &str, name: &str) -> usize {
    if words(asked) == words(name) {
        return SAME_WORDS;
    }
    let (asked_chars, name_chars) = (asked.chars().count(), name.chars().count());
    let (shorter, longer) = (asked_chars.min(name_chars), asked_chars.max(name_chars));
    // Each letter that one has more is a difference: names of very different lengths are not compared.
    let may_be_alike = shorter.saturating_mul(100) >= longer.saturating_mul(SIMILAR_MIN);
    let distance = if may_be_alike { strsim::damerau_levenshtein(asked, name) } else { longer };
    let same = longer.saturating_sub(distance);
    let by_letters = same.saturating_mul(100).checked_div(longer).unwrap_or(0);
    let shared = asked.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
    let by_beginning = if shared >= SIMILAR_PREFIX_MIN { SIMILAR_MIN.saturating_add(shared) } else { 0 };
    by_letters.max(by_beginning.min(SAME_WORDS))
}

/// The words of a name, in the order of the alphabet.
fn words(name: &str) -> Vec<&str> {
    let mut words: Vec<&str> = name.split(['-', '.', '_', ':', ' ', '/']).filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words
}

fn exact(model: &Model) -> Vec<String> {
    std::iter::once(model.id.to_string()).chain(model.aliases.iter().cloned()).collect()
}

fn bare(model: &Model) -> Vec<String> {
    let short = |name: String| name.split_once('/').map(|(_, rest)| rest.to_owned());
    let upstream = model.route.upstream_model.to_lowercase();
    exact(model).into_iter().filter_map(short).chain([upstream]).collect()
}

fn undated(model: &Model) -> Vec<String> {
    let names = exact(model).into_iter().chain(bare(model));
    names.filter_map(|name| without_date(&name).map(str::to_owned)).collect()
}

/// `name-20250514` or `name-2025-05-14` without its date.
fn without_date(name: &str) -> Option<&str> {
    let is_date = |tail: &str| {
        let digits: String = tail.chars().filter(char::is_ascii_digit).collect();
        let dashes = tail.len().checked_sub(digits.len());
        digits.starts_with("20")
            && digits.len() == 8
            && tail.chars().all(|c| c.is_ascii_digit() || c == '-')
            && matches!(dashes, Some(0 | 2))
    };
    [9, 11].into_iter().find_map(|length| {
        let (head, tail) = name.split_at_checked(name.len().checked_sub(length)?)?;
        is_date(tail.strip_prefix('-')?).then_some(head)
    })
}
