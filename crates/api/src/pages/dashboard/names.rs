//! The names of a person's keys, and of apps.

use super::person::Person;
use crate::errors::Problem;
use opencredits_store::Key;
use opencredits_units::{KeyId, PartnerId};
use std::collections::{BTreeSet, HashMap};

/// Apps whose names a page looks up.
const APPS_MAX: usize = 100;

/// Names by id.
pub(super) struct Names {
    pub(super) keys: Vec<Key>,
    key_names: HashMap<KeyId, String>,
    app_names: HashMap<PartnerId, String>,
}

impl Names {
    /// The names of all keys of a person, and of these apps.
    pub(super) async fn of(person: &Person<'_>, apps: impl IntoIterator<Item = PartnerId>) -> Result<Self, Problem> {
        let keys = person.app.accounts.list_keys(person.user.id).await;
        let keys = keys.map_err(|error| person.of_accounts(error))?;
        let mut app_names = HashMap::new();
        let of_keys = keys.iter().filter_map(|key| key.partner);
        let wanted: BTreeSet<PartnerId> = apps.into_iter().chain(of_keys).collect();
        for id in wanted.into_iter().take(APPS_MAX) {
            let found = person.app.partners.partner(id).await.map_err(|error| person.problem(error))?;
            if let Some(partner) = found {
                app_names.insert(id, partner.name);
            }
        }
        let key_names = keys.iter().map(|key| (key.id, key.name.clone())).collect();
        Ok(Self { keys, key_names, app_names })
    }

    /// The name of a key; its id where it has none.
    pub(super) fn key(&self, id: KeyId) -> String {
        self.key_names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// The name of an app; its id where it has none.
    pub(super) fn app(&self, id: PartnerId) -> String {
        self.app_names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }
}
