//! What can be wrong with requests, vendors and streams.

/// What can be wrong with requests, vendors and streams.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A field that the API demands is missing.
    #[error("the field {field} is missing; {remedy}")]
    Missing {
        /// The field.
        field: &'static str,
        /// What to send.
        remedy: &'static str,
    },
    /// A field has another form than the API says.
    #[error("the field {field} is not {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The request asks for what the model's provider cannot give, and what must not be left out in silence.
    #[error("{field} cannot be served by this model; {remedy}")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
    /// The request names by address what the model's provider takes as bytes only.
    #[error(
        "{field} cannot be served by this model from an address; send it in base64, or ask the operator to allow \
         upstream.fetch_attachments"
    )]
    NeedsBytes {
        /// The field.
        field: &'static str,
    },
    /// The client's API and the model's provider have no language in common.
    #[error("{from} cannot be translated to {to}, which serves this model; ask for it through {to}")]
    Untranslatable {
        /// What the client speaks.
        from: crate::Dialect,
        /// What the provider speaks.
        to: crate::Dialect,
    },
    /// An event is larger than any that a provider sends.
    #[error("an event of the stream is larger than {limit_bytes} bytes")]
    EventTooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// A dialect that is not known.
    #[error(
        "there is no dialect of this name; known are openai-chat, anthropic-messages, openai-responses, gemini-generate, \
         openai-embeddings and cohere-chat"
    )]
    UnknownDialect,
    /// A vendor file cannot be read.
    #[error("cannot read the vendors: {0}")]
    Toml(#[from] toml::de::Error),
    /// A vendor's address is none.
    #[error("the base_url of vendor {vendor} is no http or https address, or has a brace without a variable's name")]
    BaseUrl {
        /// The vendor.
        vendor: String,
    },
    /// What stands in a variable cannot be a part of an address.
    #[error(
        "{variable} is no part of the address of vendor {vendor}; set it to the bare name, without scheme or slash"
    )]
    Part {
        /// The vendor.
        vendor: String,
        /// The variable.
        variable: String,
    },
    /// A field that every request has under its own name would get another, or its name be given to another.
    #[error("the vendor {vendor} cannot have {field} in renames; the gateway sets it itself")]
    Rename {
        /// The vendor.
        vendor: String,
        /// The field.
        field: String,
    },
}
