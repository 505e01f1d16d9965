//! What shows that an operator saw what an act will do: a keyed hash of the act, its id and the session.

use super::act::Act;
use super::guard::Operator;
use opencredits_service::fresh_id;
use opencredits_units::EntryId;

/// How long what was looked at may be done.
const LOOKED_MS_MAX: u64 = 600_000;

impl Operator<'_> {
    /// A new id for an act, under which it is done once, and what confirms it.
    pub(crate) fn confirmation(&self, act: &Act) -> (EntryId, String) {
        let gateway = &self.state.app.gateway;
        let id = fresh_id(gateway.clock().now(), gateway.entropy());
        (id, self.confirm((act, id)))
    }

    /// Whether this session was shown what this act does, not long ago.
    pub(super) fn has_confirmed(&self, act: (&Act, EntryId), given: &str) -> bool {
        let age_ms = self.state.app.gateway.clock().now().ms_since(act.1.made_at());
        age_ms <= LOOKED_MS_MAX && self.confirm(act) == given
    }

    fn confirm(&self, (act, id): (&Act, EntryId)) -> String {
        // An act is made of what can be written.
        let act = serde_json::to_vec(act).unwrap_or_default();
        let parts: [&[u8]; 3] = [&act, &id.bits().to_be_bytes(), &self.session.bits().to_be_bytes()];
        self.state.confirms.hash(&parts).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
