//! Parameters of requests: a query, or a form in a body.

use super::refusal::{OauthError, OauthRefusal};

/// The longest query or form, in bytes.
const FORM_BYTES_MAX: usize = 8_192;
/// The most parameters of one.
const PARAMETERS_MAX: usize = 64;

/// The parameters of a request, in their order. An empty one counts as absent (RFC 6749, section 3.1).
#[derive(Clone)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn read(text: &str) -> Result<Self, OauthRefusal> {
        if text.len() > FORM_BYTES_MAX {
            return Err(invalid("the parameters have more than 8192 bytes"));
        }
        let pairs = form_urlencoded::parse(text.as_bytes()).into_owned().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<(String, String)> = pairs.take(PARAMETERS_MAX.saturating_add(1)).collect();
        if pairs.len() > PARAMETERS_MAX {
            return Err(invalid("there are more than 64 parameters"));
        }
        Ok(Self(pairs))
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that stands there at most once (RFC 6749, section 3.1).
    pub(super) fn one(&self, name: &'static str) -> Result<Option<&str>, OauthRefusal> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(invalid("a parameter stands there twice")),
        }
    }

    pub(super) fn required(&self, name: &'static str, missing: &'static str) -> Result<&str, OauthRefusal> {
        self.one(name)?.ok_or(invalid(missing))
    }
}

pub(super) const fn invalid(description: &'static str) -> OauthRefusal {
    OauthRefusal::new(OauthError::InvalidRequest, description)
}
