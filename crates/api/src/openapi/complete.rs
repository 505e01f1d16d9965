//! Adds to the document what follows from the paths, or is the same for all operations.

use super::apart::Apart;
use super::refusals::{add_refusals, refusal_schemas};
use super::rooms::{ROOMS, is_inference, room_of};
use utoipa::OpenApi as _;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, Header, HeaderBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, ServerBuilder,
};

const ABOUT: &str = "Prepaid credits for AI: one key for the models of all providers, in the API that the client speaks. \
     Amounts of credits are numbers; amounts of dollars are decimal strings that are exact. Members may be added to answers \
     at any time.";

/// Completes the document of the routes of a service at this URL.
pub(super) fn complete(document: &mut OpenApi, url: &str) {
    document.merge(Apart::openapi());
    document.info = InfoBuilder::new()
        .title("OpenCredits")
        .description(Some(ABOUT))
        .version(env!("CARGO_PKG_VERSION"))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .build();
    document.servers = Some(vec![ServerBuilder::new().url(url).build()]);
    let tag = |(name, about)| TagBuilder::new().name(name).description(Some(about)).build();
    document.tags = Some(ROOMS.iter().map(|room| tag((room.name, room.about))).collect());
    let mut components = document.components.take().unwrap_or_default();
    components.security_schemes.extend(schemes());
    components.headers.extend(headers().map(|(name, header)| (name.to_owned(), RefOr::T(header))));
    components.schemas.extend(refusal_schemas());
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            complete_one(operation, (path, method), &mut components);
        }
    }
    document.components = Some(components);
}

/// The operations of a path, with their methods.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

fn complete_one(operation: &mut Operation, (path, method): (&str, &str), components: &mut Components) {
    operation.operation_id = Some(operation_id(path, method));
    operation.tags = room_of(path).map(|room| vec![room.name.to_owned()]);
    let user_key = SecurityRequirement::new("user_key", [""; 0]);
    match &mut operation.security {
        Some(ways) if ways.contains(&user_key) => ways.push(SecurityRequirement::new("user_key_header", [""; 0])),
        Some(_) => {}
        // Without a list, the one of the document would be meant.
        none => *none = Some(Vec::new()),
    }
    for answer in operation.responses.responses.values_mut() {
        let RefOr::T(answer) = answer else { continue };
        for name in headers_of(path) {
            answer.headers.insert((*name).to_owned(), RefOr::Ref(Ref::new(format!("#/components/headers/{name}"))));
        }
    }
    add_refusals(operation, (path, method), components);
}

/// `get_v1_keys_by_id`: no two operations have the same.
fn operation_id(path: &str, method: &str) -> String {
    let mut id = method.to_owned();
    for part in path.split(['/', ':', '.', '-']).filter(|part| !part.is_empty()) {
        id.push_str(if part.starts_with('{') { "_by_" } else { "_" });
        id.push_str(part.trim_matches(['{', '}']));
    }
    id
}

fn schemes() -> impl Iterator<Item = (String, RefOr<SecurityScheme>)> {
    let bearer = |form: &str, about: &str| {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format(form);
        SecurityScheme::Http(bearer.description(Some(about)).build())
    };
    let header =
        |name: &str, about: &str| SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, about)));
    let elsewhere =
        "The same in a header of its own. `x-goog-api-key` and `x-user-key` do as well, for every kind of key.";
    let all = [
        ("user_key", bearer("oc_sk_…", "A user key, which spends a wallet.")),
        ("user_key_header", header("x-api-key", elsewhere)),
        ("management_key", bearer("oc_mk_…", "A management key, which manages a person's keys and spends nothing.")),
        ("partner_key", bearer("oc_rk_…", "A partner's secret key, which reads its figures.")),
        ("session", bearer("oc_ses_…", "The token of a session, which a browser has after signing in.")),
        ("webhook_signature", header("stripe-signature", "The signature of the payment processor.")),
    ];
    all.into_iter().map(|(name, scheme)| (name.to_owned(), RefOr::T(scheme)))
}

/// The headers of all answers, and further ones of inference.
const EVERYWHERE: &[&str] = &["x-request-id"];
const OF_INFERENCE: &[&str] = &[
    "x-request-id",
    "x-generation-id",
    "x-credits-charged",
    "x-credits-remaining",
    "x-opencredits-output-cap",
    "x-opencredits-dropped",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
];

fn headers_of(path: &str) -> &'static [&'static str] {
    if is_inference(path) { OF_INFERENCE } else { EVERYWHERE }
}

fn headers() -> impl Iterator<Item = (&'static str, Header)> {
    let all = [
        ("x-request-id", Type::String, "The id of the request, for support."),
        ("x-generation-id", Type::String, "The id of the charged request, for `GET /v1/generation`."),
        ("x-credits-charged", Type::String, "Credits charged; not in streams."),
        ("x-credits-remaining", Type::String, "Credits that can be spent; not in streams."),
        ("x-opencredits-output-cap", Type::Integer, "The output cap in tokens, where the gateway has set it."),
        ("x-opencredits-dropped", Type::String, "The fields that were dropped."),
        ("x-ratelimit-limit-requests", Type::Integer, "Requests a minute of a key with rates."),
        ("x-ratelimit-remaining-requests", Type::Integer, "What is left of them."),
        ("x-ratelimit-reset-requests", Type::String, "The time until all of it is left again, such as `1m30s`."),
        ("x-ratelimit-limit-tokens", Type::Integer, "Tokens a minute of a key with rates."),
        ("x-ratelimit-remaining-tokens", Type::Integer, "What is left of them."),
        ("x-ratelimit-reset-tokens", Type::String, "The time until all of it is left again, such as `1m30s`."),
        ("retry-after", Type::Integer, "Seconds after which a retry makes sense."),
        ("x-should-retry", Type::String, "`false` where the same request would be refused again."),
    ];
    all.into_iter().map(|(name, kind, about)| {
        let schema = ObjectBuilder::new().schema_type(kind).build();
        (name, HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build())
    })
}
