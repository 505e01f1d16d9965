//! What people do with the partners that they run, by a session or a management key.
//!
//! Each route names the partner in its path. A partner that somebody else runs is answered as one that does not exist.

mod keys;
mod publishable;
mod reads;
mod routes;
mod test_keys;

pub(crate) use routes::routes;

use crate::address::Path;
use crate::errors::{ErrorType, Problem};
use crate::state::App;
use crate::{auth, keys as user_keys};
use http::HeaderMap;
use opencredits_service::accounts::{AccountsError, Managed, PartnerChange};
use opencredits_service::partners::{origin_problem, redirect_problem};
use opencredits_store::{Partner, Standing};
use opencredits_units::{KeyId, PartnerId};

/// Characters of a wrong value that an error repeats.
const REPEATED_CHARS_MAX: usize = 100;

/// The ids of a path: the partner, and the key where there is one.
type PartnerPath = Path<String>;
type KeyPath = Path<(String, String)>;

/// The partner, or the application, that the request is about.
async fn managed(app: &App, headers: &HeaderMap, id: &str) -> Result<Managed, Problem> {
    let manager = auth::manager(app, headers).await?;
    app.accounts.managed(manager.user, partner_id(id)?).await.map_err(|error| problem(app, error))
}

/// The partner that the request is about.
async fn owned(app: &App, headers: &HeaderMap, id: &str) -> Result<Partner, Problem> {
    let manager = auth::manager(app, headers).await?;
    app.accounts.owned_partner(manager.user, partner_id(id)?).await.map_err(|error| problem(app, error))
}

/// Who changes which partner, unless they make too many changes or the partner is suspended.
async fn changing(app: &App, headers: &HeaderMap, id: &str) -> Result<PartnerChange, Problem> {
    let manager = user_keys::changing(app, headers).await?;
    let managed = app.accounts.managed(manager.user, partner_id(id)?).await.map_err(|error| problem(app, error))?;
    if managed.partner().is_some_and(|partner| partner.standing == Standing::Suspended) {
        let message = "the partner is suspended, and nothing of it can be changed; ask whoever runs the service";
        return Err(Problem::new(ErrorType::PermissionDenied, message));
    }
    Ok(PartnerChange { partner: managed.id(), manager })
}

fn partner_id(text: &str) -> Result<PartnerId, Problem> {
    text.parse().map_err(|_| no_partner())
}

fn key_id(text: &str) -> Result<KeyId, Problem> {
    text.parse().map_err(|_| no_key())
}

fn no_partner() -> Problem {
    Problem::new(ErrorType::NotFound, "you run no such partner; GET /v1/partners lists those that you run")
}

fn no_key() -> Problem {
    Problem::new(ErrorType::NotFound, "the partner has no such key in force; list its keys")
}

/// Refuses lists with a value that cannot be registered, and names it.
pub(crate) fn check_lists(origins: Option<&[String]>, redirect_urls: Option<&[String]>) -> Result<(), Problem> {
    check_list("origins", origins, origin_problem)?;
    check_list("redirect_urls", redirect_urls, redirect_problem)
}

fn check_list(
    field: &'static str,
    list: Option<&[String]>,
    problem: impl Fn(&str) -> Option<&'static str>,
) -> Result<(), Problem> {
    let wrong = list.unwrap_or_default().iter().find_map(|value| Some((value, problem(value)?)));
    let Some((value, problem)) = wrong else { return Ok(()) };
    let repeated: String = value.chars().take(REPEATED_CHARS_MAX).collect();
    Err(Problem::new(ErrorType::InvalidRequest, format!("“{repeated}” {problem}")).with("param", field))
}

/// What was refused, with the name of the field.
pub(crate) fn problem(app: &App, error: AccountsError) -> Problem {
    match error {
        AccountsError::NoPartner { .. } => no_partner(),
        AccountsError::NoKey { .. } => no_key(),
        AccountsError::Invalid { field, .. } => {
            let problem = Problem::new(ErrorType::InvalidRequest, error.to_string());
            match param(field) {
                Some(param) => problem.with("param", param),
                None => problem,
            }
        }
        AccountsError::PartnerExists { .. } => {
            Problem::new(ErrorType::InvalidRequest, error.to_string()).with("param", "name")
        }
        error => user_keys::problem(app, error),
    }
}

/// The member of the body that a value of a use case is.
fn param(field: &str) -> Option<&'static str> {
    match field {
        "the name" | "the key's name" => Some("name"),
        "the url" => Some("url"),
        "an origin" => Some("origins"),
        "a redirect URL" => Some("redirect_urls"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::ApiSurface;

    #[test]
    fn a_value_that_cannot_be_registered_is_named_with_its_field_and_the_remedy() {
        let check = |origins: &[&str], redirect_urls: &[&str], expect: Option<[&str; 3]>| {
            let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            let found = check_lists(Some(&list(origins)), Some(&list(redirect_urls)));
            let text = found.err().map(|problem| problem.into_json(ApiSurface::OpenaiChat, "req_1"));
            match (text, expect) {
                (None, None) => {}
                (Some(text), Some(parts)) => {
                    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
                    assert!(text.len() < 1_000, "{text}");
                }
                (found, _) => panic!("{origins:?} {redirect_urls:?}: {found:?}"),
            }
        };
        check(&["https://a.example"], &["https://a.example/back", "com.example.app:/back"], None);
        let path = ["\"param\":\"origins\"", "“https://b.example/path”", "without a path"];
        check(&["https://a.example", "https://b.example/path"], &[], Some(path));
        check(&["http://a.example"], &[], Some(["\"param\":\"origins\"", "“http://a.example”", "is not https"]));
        let scheme = ["\"param\":\"redirect_urls\"", "“ftp://a.example”", "neither https"];
        check(&[], &["ftp://a.example"], Some(scheme));
        check(&[&"x".repeat(5_000)], &[], Some(["\"param\":\"origins\"", "xxx”", "is no origin"]));
    }
}
