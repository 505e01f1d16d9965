//! Models on sale.

use super::ListObject;
use std::borrow::Cow;
use utoipa::openapi::schema::{OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// Every model on sale, in the form of the API that the client speaks.
#[derive(ToSchema)]
pub(crate) struct ModelList {
    object: ListObject,
    data: Vec<ModelRecord>,
    has_more: bool,
    first_id: Option<String>,
    last_id: Option<String>,
}

/// A model.
#[derive(ToSchema)]
pub(crate) struct ModelRecord {
    #[schema(example = "sandbox/gpt")]
    id: String,
    object: ModelObject,
    /// `chat` or `embedding`; `model` for a client that sends `anthropic-version`.
    r#type: String,
    /// When its vendor released it, in seconds since 1970.
    created: u64,
    /// The same.
    released: u64,
    /// The same, as a time.
    created_at: String,
    owned_by: String,
    name: String,
    display_name: String,
    lifecycle: Lifecycle,
    description: String,
    /// Tokens.
    context_window: u64,
    context_length: u64,
    max_input_tokens: u64,
    max_tokens: u64,
    max_output_tokens: u64,
    tags: Vec<String>,
    pricing: ModelPricing,
}

/// What the object is.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum ModelObject {
    Model,
}

/// Whether its vendor has announced the end of a model.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Lifecycle {
    Active,
    Deprecated,
}

/// The provider's list prices in dollars for one token, as exact decimals. The operator's markup comes on top.
#[derive(ToSchema)]
pub(crate) struct ModelPricing {
    prompt: String,
    completion: String,
    currency: String,
    unit: String,
}

/// The chat models on sale, as `gemini-generate` lists them.
#[derive(ToSchema)]
pub(crate) struct GeminiModelList {
    models: Vec<GeminiModel>,
}

/// A model, as `gemini-generate` lists it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct GeminiModel {
    name: String,
    display_name: String,
    description: String,
    input_token_limit: u64,
    output_token_limit: u64,
    supported_generation_methods: Vec<String>,
}

/// A model, in the form of the API that the client speaks.
pub(crate) struct AnyModel;

impl PartialSchema for AnyModel {
    fn schema() -> RefOr<Schema> {
        either([GeminiModel::name(), ModelRecord::name()])
    }
}

impl ToSchema for AnyModel {
    fn name() -> Cow<'static, str> {
        "AnyModel".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        GeminiModel::schemas(schemas);
        ModelRecord::schemas(schemas);
        schemas.push((GeminiModel::name().into(), GeminiModel::schema()));
        schemas.push((ModelRecord::name().into(), ModelRecord::schema()));
    }
}

/// The models, in the form of the API that the client speaks.
pub(crate) struct AnyModelList;

impl PartialSchema for AnyModelList {
    fn schema() -> RefOr<Schema> {
        either([GeminiModelList::name(), ModelList::name()])
    }
}

impl ToSchema for AnyModelList {
    fn name() -> Cow<'static, str> {
        "AnyModelList".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        GeminiModelList::schemas(schemas);
        ModelList::schemas(schemas);
        schemas.push((GeminiModelList::name().into(), GeminiModelList::schema()));
        schemas.push((ModelList::name().into(), ModelList::schema()));
    }
}

fn either(names: [Cow<'static, str>; 2]) -> RefOr<Schema> {
    let all = names.into_iter().fold(OneOfBuilder::new(), |all, name| all.item(Ref::from_schema_name(name)));
    let about = "With a header `x-goog-api-key`, or under `/v1beta`, in the form of `gemini-generate`.";
    Schema::from(all.description(Some(about))).into()
}

/// A model with the routes that serve it.
#[derive(ToSchema)]
pub(crate) struct ModelEndpoints {
    id: String,
    name: String,
    created: u64,
    endpoints: Vec<ModelEndpoint>,
}

/// A route to a provider that serves a model.
#[derive(ToSchema)]
pub(crate) struct ModelEndpoint {
    name: String,
    provider_name: String,
    tag: String,
    context_length: u64,
    max_completion_tokens: u64,
    pricing: EndpointPricing,
    region: Option<String>,
    /// `allow` where the provider may keep requests for its own purposes.
    data_collection: DataCollection,
    /// Whether the provider keeps nothing.
    zdr: bool,
    status: EndpointStatus,
    /// The share of attempts that succeeded lately, in percent.
    uptime: Option<f64>,
    latency_ms: Option<u64>,
    /// Tokens a second.
    throughput: Option<f64>,
}

/// Whether a provider may keep requests for its own purposes.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum DataCollection {
    Allow,
    Deny,
}

/// Whether a route is in use.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum EndpointStatus {
    Ok,
    Out,
}

/// The provider's list prices in dollars for one token, as exact decimals.
#[derive(ToSchema)]
pub(crate) struct EndpointPricing {
    prompt: String,
    completion: String,
    input_cache_read: String,
    currency: String,
    unit: String,
}
