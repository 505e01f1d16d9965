//! The names of a request's tools, as its answer needs them.

use std::collections::{BTreeMap, BTreeSet};

/// What became of the names of a request's tools. The answer gives each back as the client knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolNames {
    /// Tools with free-text input, by the client's names.
    pub custom: BTreeSet<String>,
    /// The client's names, by those that the provider was given in their place.
    pub fitted: BTreeMap<String, String>,
    /// Namespace and name of each tool that stands in a namespace, by the name that stands for both.
    pub namespaces: BTreeMap<String, (String, String)>,
}

impl ToolNames {
    /// Whether every tool has one name, and takes an object.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.custom.is_empty() && self.fitted.is_empty() && self.namespaces.is_empty()
    }

    /// The namespace of a tool, where it has one, and its name there.
    pub(crate) fn in_namespace<'a>(&'a self, name: &'a str) -> (Option<&'a str>, &'a str) {
        match self.namespaces.get(name) {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, name),
        }
    }
}

/// One name for a tool in a namespace.
pub(crate) fn qualified(namespace: &str, name: &str) -> String {
    let between = if namespace.ends_with(SEPARATOR) { "" } else { SEPARATOR };
    [namespace, between, name].concat()
}

/// What stands between a namespace and a name.
const SEPARATOR: &str = "__";
