//! How an app is integrated, with its own keys.

use super::portal::Portal;
use crate::errors::Problem;
use crate::pages::PageRequest;
use form_urlencoded::Serializer;
use opencredits_catalog::ModelKind;
use opencredits_pages::views::partner::{PartnerGuide, Preview};
use opencredits_store::PublishableKeyRecord;

const PATH: &str = "/partner/guide";
/// Models that the preview offers.
const MODELS_MAX: usize = 300;
/// What stands in snippets where nothing is registered.
const EXAMPLE_URL: &str = "https://app.example/back";
const EXAMPLE_OWN: &str = "com.example.app:/back";

pub(super) async fn page(request: PageRequest) -> Result<PartnerGuide, Problem> {
    let portal = Portal::of(&request, PATH).await?;
    let (head, person) = (portal.head(), &portal.person);
    let Some(managed) = &portal.current else { return Ok(PartnerGuide { head, ..PartnerGuide::default() }) };
    let of_accounts = |error| person.of_accounts(error);
    let live = match portal.partner() {
        Some(partner) => person.app.accounts.publishable_keys(&partner.id.to_string()).await.map_err(of_accounts)?,
        None => Vec::new(),
    };
    let live = live.into_iter().find(|key| key.revoked_at.is_none());
    let test = match person.app.accounts.test_desk() {
        Some(desk) => Some(desk.publishable_key(managed.id(), managed.name()).await.map_err(of_accounts)?),
        None => None,
    };
    let models = models(person.app);
    let base_url = person.app.pages.pages.site().url.clone();
    let (redirect_url, own_url) = redirects(live.as_ref());
    let is_test_key = live.is_none();
    let publishable_key = live.or_else(|| test.clone()).map(|key| key.key).unwrap_or_default();
    let authorize = [
        ("response_type", "code"),
        ("client_id", &publishable_key),
        ("redirect_uri", &redirect_url),
        ("code_challenge_method", "S256"),
    ];
    let connect = [("publishable_key", publishable_key.as_str()), ("redirect_url", &own_url)];
    Ok(PartnerGuide {
        head,
        authorize_url: url(&base_url, "/oauth/authorize", &authorize) + "&code_challenge=$CHALLENGE&state=$STATE",
        connect_url: url(&base_url, "/connect", &connect) + "&state=$STATE",
        model: models.first().cloned().unwrap_or_default(),
        preview: test.map(|test| Preview { publishable_key: test.key, models }),
        has_oauth: person.app.connections.is_some(),
        publishable_key,
        is_test_key,
        redirect_url,
        base_url,
    })
}

/// The models of conversations, by name.
fn models(app: &crate::state::App) -> Vec<String> {
    let catalog = app.gateway.catalog();
    let all = catalog.models().iter().filter(|model| model.kind == ModelKind::Chat && !model.deprecated);
    all.take(MODELS_MAX).map(|model| model.id.to_string()).collect()
}

/// A registered URL on the web and one on the person's machine; examples where there are none.
fn redirects(key: Option<&PublishableKeyRecord>) -> (String, String) {
    let all = key.map(|key| key.redirect_urls.as_slice()).unwrap_or_default();
    let is_web = |url: &&String| url.starts_with("https://");
    let of = |found: Option<&String>, example: &str| found.cloned().unwrap_or_else(|| example.to_owned());
    (of(all.iter().find(is_web), EXAMPLE_URL), of(all.iter().find(|url| !is_web(url)), EXAMPLE_OWN))
}

fn url(base: &str, path: &str, query: &[(&str, &str)]) -> String {
    let query = Serializer::new(String::new()).extend_pairs(query).finish();
    format!("{base}{path}?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencredits_units::{KeyId, PartnerId, UnixMs};

    #[test]
    fn snippets_have_the_registered_urls_and_examples_where_none_is() {
        let check = |urls: &[&str], expect: (&str, &str)| {
            let key = PublishableKeyRecord {
                id: KeyId::from_bits(1),
                partner: PartnerId::from_bits(1),
                key: "oc_pk_1".to_owned(),
                name: "web".to_owned(),
                origins: Vec::new(),
                redirect_urls: urls.iter().map(|url| (*url).to_owned()).collect(),
                created_at: UnixMs::new(1),
                revoked_at: None,
            };
            let (web, own) = redirects(Some(&key));
            assert_eq!((web.as_str(), own.as_str()), expect, "{urls:?}");
        };
        check(&[], (EXAMPLE_URL, EXAMPLE_OWN));
        check(&["https://a.example/b"], ("https://a.example/b", EXAMPLE_OWN));
        check(&["http://127.0.0.1/b", "https://a.example/b"], ("https://a.example/b", "http://127.0.0.1/b"));
        assert_eq!(
            url("https://s.example", "/p", &[("u", "https://a/?x=1&y")]),
            "https://s.example/p?u=https%3A%2F%2Fa%2F%3Fx%3D1%26y"
        );
    }
}
