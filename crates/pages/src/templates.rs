//! The templates, and what they may call.

use crate::assets::Assets;
use crate::error::PagesError;
use crate::figures::FIGURE_SPACE;
use crate::site::Site;
use crate::words::{LANGUAGE, Words};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, HtmlEscape, UndefinedBehavior, Value};
use rust_embed::RustEmbed;
use std::fmt::Write as _;
use std::sync::Arc;

#[derive(RustEmbed)]
#[folder = "templates/"]
struct Files;

/// Every template by its name, with what they have in common: `w` are the words, `site` is the service, `asset("name")` is
/// the URL of an asset, `text|fill(name=value)` puts values into a text, and `figure|column` writes an aligned figure.
pub(crate) fn environment(
    site: &Site,
    words: &Words,
    assets: &Arc<Assets>,
) -> Result<Environment<'static>, PagesError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment
        .set_auto_escape_callback(|name| if name.ends_with(".txt") { AutoEscape::None } else { AutoEscape::Html });
    environment.add_global("w", words.value());
    environment.add_global("script_words", words.script_json());
    environment.add_global("site", Value::from(Serde(site)));
    environment.add_global("language", LANGUAGE);
    let assets = Arc::clone(assets);
    environment.add_function("asset", move |name: &str| asset_url(&assets, name));
    environment.add_filter("fill", fill);
    environment.add_filter("column", column);
    // A template is parsed when it is first used: a start does not wait for it, and no memory is taken before.
    environment.set_loader(source);
    Ok(environment)
}

/// The source of a template; `None` where there is none of this name.
fn source(name: &str) -> Result<Option<String>, Error> {
    let Some(file) = Files::get(name) else { return Ok(None) };
    let wrong = |_| Error::new(ErrorKind::InvalidOperation, format!("{name} is no UTF-8 text; save it as UTF-8"));
    String::from_utf8(file.data.into_owned()).map(Some).map_err(wrong)
}

fn asset_url(assets: &Assets, name: &str) -> Result<Value, Error> {
    // Names of our own files need no escapes.
    let url = assets.url(name).map(|url| Value::from_safe_string(url.to_owned()));
    url.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("there is no asset {name}")))
}

/// A text whose `{name}` are replaced by values. Text and values are escaped, except values that are HTML already.
fn fill(text: &str, values: Kwargs) -> Result<Value, Error> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from_name)) = rest.split_once('{') {
        let Some((name, after)) = from_name.split_once('}') else {
            return Err(Error::new(ErrorKind::InvalidOperation, format!("a brace is not closed in: {text}")));
        };
        escape_into(&mut out, before);
        let value: Value = values.get(name)?;
        let shown = value.to_string();
        if value.is_safe() {
            out.push_str(&shown)
        } else {
            escape_into(&mut out, &shown)
        }
        rest = after;
    }
    escape_into(&mut out, rest);
    Ok(Value::from_safe_string(out))
}

/// A figure of [`crate::figures::aligned`], whose spaces at the end can be hidden where it stands in no column.
fn column(figure: &str) -> Value {
    let shown = figure.trim_end_matches(FIGURE_SPACE);
    let mut out = String::with_capacity(figure.len());
    escape_into(&mut out, shown);
    if let Some(spaces) = figure.strip_prefix(shown).filter(|spaces| !spaces.is_empty()) {
        // Writing to a string cannot fail.
        let _written = write!(out, "<span class=\"pad\">{spaces}</span>");
    }
    Value::from_safe_string(out)
}

fn escape_into(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _written = write!(out, "{}", HtmlEscape(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_read() {
        let assets = Arc::new(Assets::read().unwrap());
        let environment = environment(&Site::sample(), &Words::read().unwrap(), &assets).unwrap();
        for name in Files::iter() {
            environment.get_template(&name).unwrap_or_else(|error| panic!("{error:#}"));
        }
    }
}
