//! Vendors: who speaks a dialect where, and how they differ. All of it is data.

use crate::base_url;
use crate::error::VendorError;
use opencredits_dialects::Dialect;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::Table;

/// The vendor files that are compiled in; `build.rs` lists what is in the folder.
const FILES: &[&str] = include!(concat!(env!("OUT_DIR"), "/vendors.rs"));

/// Fields that the gateway sets or reads under these names, so that no vendor may rename them.
const OURS: [&str; 3] = ["model", "stream", "stream_options"];

/// How a vendor wants its key.
// A signature over each request (SigV4), and a token that is fetched and runs out (OAuth), are no fixed header. They
// would be variants that carry their data, with a step of their own before sending; the framing that such vendors use
// for streams belongs to a dialect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// `Authorization: Bearer …`.
    #[default]
    Bearer,
    /// In `x-api-key`.
    XApiKey,
    /// In `api-key`.
    ApiKey,
    /// In `x-goog-api-key`.
    XGoogApiKey,
    /// No key.
    None,
}

impl Auth {
    /// The header that the key stands in, and what stands before the key; `None` where no key is sent.
    #[must_use]
    pub const fn header(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Bearer => Some(("authorization", "Bearer ")),
            Self::XApiKey => Some(("x-api-key", "")),
            Self::ApiKey => Some(("api-key", "")),
            Self::XGoogApiKey => Some(("x-goog-api-key", "")),
            Self::None => None,
        }
    }
}

/// Whether a stopped stream stops the bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopBilling {
    /// Yes: what was not made is not billed.
    Ends,
    /// No, or nobody has said so: the answer is read to its end.
    #[default]
    GoesOn,
}

/// The field that caps the output, in `openai-chat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputCap {
    /// `max_tokens`, which every compatible host knows.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`, which replaced it.
    MaxCompletionTokens,
}

/// Where a vendor speaks another dialect, as far as that differs from its first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Endpoint {
    /// Where, up to the dialect's path.
    pub base_url: Option<String>,
    /// How it wants its key there.
    pub auth: Option<Auth>,
}

/// A vendor, as its file says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, as its file says it")]
pub struct Vendor {
    /// Its name in routes and records.
    #[serde(deserialize_with = "shared_text")]
    pub id: Arc<str>,
    /// What it speaks.
    pub dialect: Dialect,
    /// What else it speaks, and where that differs.
    #[serde(default)]
    pub also: BTreeMap<Dialect, Endpoint>,
    /// The dialect in which translated requests reach models that think, where it is not the first.
    #[serde(default)]
    pub thinks_in: Option<Dialect>,
    /// Models that it serves in one dialect alone, by the vendor's names; `*` stands for anything.
    #[serde(default)]
    pub only_in: BTreeMap<Dialect, Vec<String>>,
    /// Where, up to the dialect's path. What only the operator knows is the name of an environment variable in braces.
    pub base_url: String,
    /// How it wants its key.
    #[serde(default)]
    pub auth: Auth,
    /// The environment variable that holds our key; its presence is what offers the vendor.
    #[serde(default)]
    pub key_env: Option<String>,
    /// Whether a stopped stream stops the bill.
    #[serde(default)]
    pub stop_billing: StopBilling,
    /// The field that caps the output.
    #[serde(default)]
    pub output_cap: OutputCap,
    /// Fields that this vendor refuses, left out of every request. It must report usage in streams unasked where
    /// `stream_options` is one of them.
    #[serde(default)]
    pub omit: Vec<String>,
    /// Fields that this vendor knows by another name, by the name that the dialect has for them.
    #[serde(default)]
    pub renames: BTreeMap<String, String>,
    /// Whether it may collect and learn from what it is sent; false only where its terms say that it does not.
    #[serde(default = "yes")]
    pub data_collection: bool,
    /// Whether it retains nothing.
    #[serde(default)]
    pub zdr: bool,
    /// Whether it counts the tokens of a request, at `count_tokens` below the dialect's path.
    #[serde(default)]
    pub counts_tokens: bool,
    /// Whether it lists its models beside the dialect's path, at `/models`.
    #[serde(default)]
    pub discover: bool,
    /// Whether, in `openai-chat`, a model that thinks refuses a turn with calls that comes back without what was thought.
    #[serde(default)]
    pub wants_reasoning: bool,
    /// Headers that every request has.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

const fn yes() -> bool {
    true
}

impl Vendor {
    /// The address of a dialect's endpoint for `model`.
    #[must_use]
    pub fn url(&self, dialect: Dialect, model: &str, stream: bool) -> String {
        let base = self.also.get(&dialect).and_then(|endpoint| endpoint.base_url.as_ref()).unwrap_or(&self.base_url);
        format!("{}{}", base.trim_end_matches('/'), dialect.path(model, stream))
    }

    /// How it wants its key in a dialect.
    #[must_use]
    pub fn auth_in(&self, dialect: Dialect) -> &Auth {
        self.also.get(&dialect).and_then(|endpoint| endpoint.auth.as_ref()).unwrap_or(&self.auth)
    }

    /// What it speaks, the first before all others.
    pub fn dialects(&self) -> impl Iterator<Item = Dialect> {
        std::iter::once(self.dialect).chain(self.also.keys().copied())
    }

    /// The dialect in which it is asked for a model: the client's own where that model is served in it, else the one for
    /// models that think, else the first. `None` where it has none for the model.
    #[must_use]
    pub fn dialect_for(&self, client: Dialect, model: &str, thinks: bool) -> Option<Dialect> {
        let own = std::iter::once(client).filter(|own| self.dialects().any(|dialect| dialect == *own));
        let in_order = own.chain(self.thinks_in.filter(|_| thinks)).chain(self.dialects());
        let is_embeddings = |dialect: Dialect| dialect == Dialect::OpenaiEmbeddings;
        in_order.filter(|dialect| !is_embeddings(*dialect) || is_embeddings(client)).find(|dialect| {
            let elsewhere = self.only_in.iter().filter(|(only, _)| *only != dialect).flat_map(|(_, names)| names);
            !elsewhere.into_iter().any(|name| matches(name, model))
        })
    }

    /// The address of the list of its models; `None` where it has none.
    #[must_use]
    pub fn models_url(&self) -> Option<String> {
        self.discover.then(|| format!("{}/models", self.base_url.trim_end_matches('/')))
    }

    /// The environment variables without which it cannot be offered: our key's, and those of its address.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        let key = self.key_env.as_deref().filter(|_| self.auth != Auth::None);
        key.into_iter().chain(base_url::variables(&self.base_url).unwrap_or_default()).collect()
    }

    /// The vendor with its address filled from these variables; those that have no value stay.
    ///
    /// # Errors
    /// When a value could mean another host or path.
    pub fn filled(&self, value: impl Fn(&str) -> Option<String>) -> Result<Self, VendorError> {
        let mut filled = self.clone();
        for variable in base_url::variables(&self.base_url).unwrap_or_default() {
            let Some(value) = value(variable) else { continue };
            let wrong = || VendorError::Part { vendor: self.id.to_string(), variable: variable.to_owned() };
            filled.base_url = base_url::filled(&filled.base_url, variable, &value).ok_or_else(wrong)?;
        }
        Ok(filled)
    }

    fn check(&self) -> Result<(), VendorError> {
        let known = ["http://", "https://", "sandbox:"].iter().any(|scheme| self.base_url.starts_with(scheme));
        if !known || base_url::variables(&self.base_url).is_none() {
            return Err(VendorError::BaseUrl { vendor: self.id.to_string() });
        }
        let mut named = self.thinks_in.iter().chain(self.only_in.keys());
        if let Some(unspoken) = named.find(|named| self.dialects().all(|dialect| dialect != **named)) {
            let problem = format!("vendor {} does not speak {unspoken}; add it to also", self.id);
            return Err(VendorError::Toml(serde::de::Error::custom(problem)));
        }
        let mut renamed = self.renames.iter().flat_map(|(from, to)| [from, to]);
        let ours = renamed.find(|field| OURS.contains(&field.as_str())).cloned();
        ours.map_or(Ok(()), |field| Err(VendorError::Rename { vendor: self.id.to_string(), field }))
    }
}

/// All vendors, by id.
#[derive(Debug, Clone, Default)]
pub struct Vendors(BTreeMap<Arc<str>, Arc<Vendor>>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    vendor: Vec<Table>,
}

impl Vendors {
    /// The vendors that are compiled in.
    ///
    /// # Errors
    /// When a file is damaged, which a test rules out.
    pub fn builtin() -> Result<Self, VendorError> {
        FILES.iter().try_fold(Self::default(), |vendors, file| vendors.with(toml::from_str(file)?))
    }

    /// These and the operator's, given as TOML (`[[vendor]]`); one with the same id replaces ours.
    ///
    /// # Errors
    /// When the text is no list of vendors; the error names the vendor, or its number among them, and the key.
    pub fn with_operator(self, text: &str) -> Result<Self, VendorError> {
        let list: List = toml::from_str(text)?;
        list.vendor.into_iter().zip(1..).try_fold(self, |vendors, (table, number)| vendors.with(read(table, number)?))
    }

    fn with(mut self, vendor: Vendor) -> Result<Self, VendorError> {
        vendor.check()?;
        self.0.insert(Arc::clone(&vendor.id), Arc::new(vendor));
        Ok(self)
    }

    /// The vendor of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<Vendor>> {
        self.0.get(id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Vendor>> {
        self.0.values()
    }
}

/// One of the operator's vendors. Each is read by itself: the text may have been put together from another one, in which its
/// lines have other numbers.
fn read(table: Table, number: usize) -> Result<Vendor, VendorError> {
    let id = table.get("id").and_then(|id| id.as_str());
    let name = id.map_or_else(|| format!("[[vendor]] number {number}"), |id| format!("vendor {id}"));
    table.try_into().map_err(|error: toml::de::Error| {
        let problem = error.to_string().trim_end().replace('\n', " ");
        VendorError::Toml(serde::de::Error::custom(format!("{name}: {problem}")))
    })
}

/// Whether a name is of the form of `pattern`, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    (0..=rest.len()).filter_map(|at| rest.get(at..)).any(|rest| matches(after, rest))
}

fn shared_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    String::deserialize(deserializer).map(Into::into)
}
