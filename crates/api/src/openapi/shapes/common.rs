//! What many bodies have.

use std::borrow::Cow;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// An amount of credits.
#[derive(ToSchema)]
pub(crate) struct Credits(f64);

/// An amount of dollars, as a decimal string that is exact.
#[derive(ToSchema)]
#[schema(pattern = r"^-?[0-9]+(\.[0-9]+)?$", example = "0.000018")]
pub(crate) struct Usd(String);

/// An amount of dollars, as a number. The exact figure is in the bill of the request.
#[derive(ToSchema)]
pub(crate) struct UsdNumber(f64);

/// An amount in the currency of a purchase, with two decimal places.
#[derive(ToSchema)]
#[schema(pattern = r"^-?[0-9]+\.[0-9]{2}$", example = "25.00")]
pub(crate) struct Money(String);

/// A time (RFC 3339), in UTC.
#[derive(ToSchema)]
#[schema(format = DateTime, example = "2026-11-30T08:00:00Z")]
pub(crate) struct Time(String);

/// A day in UTC.
#[derive(ToSchema)]
#[schema(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", example = "2026-11-30")]
pub(crate) struct Day(String);

/// When a limit begins anew. Days begin at midnight and weeks on Monday, in UTC.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum Reset {
    Daily,
    Weekly,
    Monthly,
}

/// The mode of a key: `live`, or `test` with play credits.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum KeyMode {
    Live,
    Test,
}

/// An answer about one thing.
#[derive(ToSchema)]
pub(crate) struct Data<T> {
    data: T,
}

/// A list that is there as a whole.
#[derive(ToSchema)]
pub(crate) struct All<T> {
    data: Vec<T>,
}

/// A list that is there as a whole.
#[derive(ToSchema)]
pub(crate) struct List<T> {
    object: ListObject,
    data: Vec<T>,
}

/// A page of a list.
#[derive(ToSchema)]
pub(crate) struct Page<T> {
    data: Vec<T>,
    /// The `cursor` of the next page; null on the last one.
    next: Option<String>,
}

/// What an answer is.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(crate) enum ListObject {
    List,
}

/// Something was deleted.
#[derive(ToSchema)]
pub(crate) struct Deleted {
    deleted: bool,
    data: DeletedId,
}

/// What was deleted.
#[derive(ToSchema)]
pub(crate) struct DeletedId {
    id: String,
    deleted: bool,
}

/// An amount that a request names: a number, or a decimal string.
pub(crate) struct Amount;

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0));
        let text = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .pattern(Some(r"^[0-9]{1,9}(\.[0-9]{1,2})?$"));
        let either = OneOfBuilder::new().item(number).item(text);
        either.description(Some("An amount: a number, or a decimal string.")).into()
    }
}

impl ToSchema for Amount {
    fn name() -> Cow<'static, str> {
        "Amount".into()
    }
}

/// A JSON object of any members.
pub(crate) struct AnyObject;

impl PartialSchema for AnyObject {
    fn schema() -> RefOr<Schema> {
        open(&[], &[]).into()
    }
}

impl ToSchema for AnyObject {
    fn name() -> Cow<'static, str> {
        "AnyObject".into()
    }
}

/// A member of an open object: its name, its types and what it is.
pub(super) type Member = (&'static str, &'static [Type], &'static str);

/// An object that may have other members besides.
pub(super) fn open(required: &[Member], optional: &[Member]) -> Schema {
    use utoipa::openapi::schema::AdditionalProperties;
    let mut object = ObjectBuilder::new().schema_type(Type::Object);
    for (name, kinds, what) in required.iter().chain(optional) {
        let kind = match kinds {
            [only] => SchemaType::Type(only.clone()),
            several => SchemaType::Array(several.to_vec()),
        };
        let mut member = ObjectBuilder::new().schema_type(kind).description(Some(*what));
        if kinds.contains(&Type::Integer) {
            member = member.format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))).minimum(Some(0));
        }
        object = object.property(*name, member);
    }
    for (name, ..) in required {
        object = object.required(*name);
    }
    object.additional_properties(Some(AdditionalProperties::FreeForm(true))).into()
}
