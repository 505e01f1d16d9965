//! Takes keys out of texts that leave, whatever part of a request they repeat.

/// What a secret key begins with: ours, and the usual beginning of providers' keys, which people send by mistake.
const BEGINNINGS: [&str; 5] = ["oc_sk_", "oc_mk_", "oc_rk_", "oc_ses_", "sk-"];
/// A key is longer than its beginning and so many characters.
const KEY_BYTES_MIN: usize = 16;
/// A part of a path that is longer is not repeated: no path of ours has one.
const PART_BYTES_MAX: usize = 32;
/// Stands for what was taken out.
const TAKEN_OUT: &str = "…";

/// The text with `…` for each key in it.
pub(crate) fn without_keys(text: String) -> String {
    if !BEGINNINGS.iter().any(|beginning| text.contains(beginning)) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest.find(|letter| !is_of_key(letter)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        out.push_str(if is_key(word) { TAKEN_OUT } else { word });
        let next = after.find(is_of_key).unwrap_or(after.len());
        let (between, after) = after.split_at(next);
        out.push_str(between);
        rest = after;
    }
    out
}

/// A path as an error may repeat it.
pub(crate) fn path(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.len() > PART_BYTES_MAX { TAKEN_OUT } else { part });
    without_keys(parts.collect::<Vec<_>>().join("/"))
}

const fn is_of_key(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-')
}

fn is_key(word: &str) -> bool {
    let long = |from: usize| word.len().saturating_sub(from) >= KEY_BYTES_MIN;
    BEGINNINGS.iter().any(|beginning| match beginning.strip_suffix('-') {
        // A word such as `task-` ends like this one, too.
        Some(_) => word.starts_with(beginning) && long(beginning.len()),
        // The beginning alone says which kind of key is meant.
        None => word.contains(beginning) && word != *beginning,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_out_of_a_text_and_nothing_else_is() {
        let check = |text: &str, expect: &str| assert_eq!(without_keys(text.to_owned()), expect);
        check("no model claude-sonnet-4-5-20250929", "no model claude-sonnet-4-5-20250929");
        check("no model oc_sk_0123456789abcdef: look", "no model …: look");
        check("no model oc_mk_0123456789abcdef: look", "no model …: look");
        check("no model oc_rk_0123456789abcdef: look", "no model …: look");
        check(r#"{"param":"xoc_sk_0","of":"sk-ant-api03-0123456789"}"#, r#"{"param":"…","of":"…"}"#);
        check("a task-0123456789abcdef0123, disk-sk-, sk-1", "a task-0123456789abcdef0123, disk-sk-, sk-1");
        check("größe xoc_sk_ß", "größe …ß");
        check("send one that begins with oc_rk_, as oc_rk_…", "send one that begins with oc_rk_, as oc_rk_…");
    }

    #[test]
    fn a_path_is_repeated_without_its_long_parts() {
        assert_eq!(path("/v1/chat/completion"), "/v1/chat/completion");
        assert_eq!(path("/v1/oc%5Fsk_0123456789abcdefghijklmnopqrstuvwxyz/a"), "/v1/…/a");
        assert_eq!(path("/oc_sk_1/a"), "/…/a");
    }
}
