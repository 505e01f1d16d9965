//! The tools of a request that run at the provider: they are billed by use, and may add to the input without limit.
//!
//! The known tools are data (`data/tools.toml`). An unknown tool is refused.

use super::RequestFacts;
use super::terms::{CACHE_CONTROL, ONE_HOUR};
use crate::dialect::Dialect;
use crate::error::RequestError;
use opencredits_units::{Bucket, ToolUse};
use opencredits_wire::json;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// How often a tool may run at the provider where the request sets no limit.
const USES_MAX: u64 = 10;
/// A member that names an object stored at the provider.
const STORES: &str = "vector_store_ids";

/// The executor of a tool, by dialect and prefix of its type.
type Table = BTreeMap<String, BTreeMap<String, String>>;

/// A damaged table counts as empty, so that every tool is refused; a test reads it.
static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("../../data/tools.toml")).unwrap_or_default());

/// The executor of a tool.
enum ToolRunner {
    Client,
    /// The provider, billed by tokens only.
    Provider,
    /// The provider, for a fee by use.
    ForFee(ToolUse),
}

impl ToolRunner {
    fn of(dialect: Dialect, matches: impl Fn(&str) -> bool) -> Result<Self, RequestError> {
        let known = TABLE.get(dialect.name()).and_then(|known| known.iter().find(|(start, _)| matches(start)));
        match known.map(|(_, runs)| runs.as_str()) {
            Some("client") => Ok(Self::Client),
            Some("provider") => Ok(Self::Provider),
            Some(fee) => ToolUse::ALL.into_iter().find(|tool| tool.name() == fee).map(Self::ForFee).ok_or(REFUSED),
            None => Err(REFUSED),
        }
    }
}

const REFUSED: RequestError = RequestError::Unsupported {
    field: "tools",
    remedy: "send functions or a provider's search; tools that keep state there or act for others are not passed on",
};

impl RequestFacts {
    /// Reads `tools`.
    pub(super) fn tools(&mut self, dialect: Dialect, raw: &[u8]) -> Result<(), RequestError> {
        let mut found = Ok(());
        json::items(raw, |tool| {
            if found.is_err() {
                return;
            }
            found = match dialect {
                Dialect::GeminiGenerate => self.tool_by_members(dialect, tool),
                Dialect::CohereChat | Dialect::OpenaiEmbeddings => Ok(()),
                _ => self.tool_by_type(dialect, tool),
            };
        });
        found
    }

    fn tool_by_type(&mut self, dialect: Dialect, tool: &[u8]) -> Result<(), RequestError> {
        if CACHE_CONTROL.is_in(tool) {
            self.extra.extend([Bucket::CacheWrite5m, Bucket::CacheWriteOther]);
            if ONE_HOUR.is_in(tool) {
                self.extra.push(Bucket::CacheWrite1h);
            }
        }
        // In all of these dialects a tool without a type is a function.
        let Some(kind) = json::member(tool, "type").and_then(json::text) else {
            return Ok(());
        };
        // A named container belongs to an account.
        let is_named = json::member(tool, "container").is_some_and(|container| container.starts_with(b"\""));
        // A string selects the client's screen, an object a place where commands run.
        let runs_there = json::member(tool, "environment").is_some_and(|environment| {
            environment.starts_with(b"{") && json::member(environment, "type") != Some(b"\"local\"")
        });
        if is_named || runs_there || json::member(tool, STORES).is_some() {
            return Err(REFUSED);
        }
        let limit = json::member(tool, "max_uses").and_then(json::count);
        self.runs(&ToolRunner::of(dialect, |start| kind.starts_with(start))?, limit);
        Ok(())
    }

    fn tool_by_members(&mut self, dialect: Dialect, tool: &[u8]) -> Result<(), RequestError> {
        let mut found = Ok(());
        json::members(tool, |name, _| match ToolRunner::of(dialect, |known| known.as_bytes() == name) {
            Ok(runs) => self.runs(&runs, None),
            Err(refused) => found = Err(refused),
        });
        found
    }

    fn runs(&mut self, runs: &ToolRunner, limit: Option<u64>) {
        if !matches!(runs, ToolRunner::Client) {
            self.input_max = None;
        }
        if let ToolRunner::ForFee(tool) = runs {
            self.uses.push((*tool, limit.unwrap_or(USES_MAX)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_in_the_table_is_run_by_somebody() {
        assert_eq!(TABLE.len(), 4);
        for (dialect, tools) in TABLE.iter() {
            let dialect: Dialect = dialect.parse().unwrap();
            assert!(tools.keys().all(|tool| ToolRunner::of(dialect, |start| start == tool).is_ok()), "{tools:?}");
        }
    }
}
