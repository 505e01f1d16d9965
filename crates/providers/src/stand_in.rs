//! Vendors that the sandbox stands in for.

use crate::auth::Auth;
use crate::error::VendorError;
use crate::vendor::{Endpoint, Vendor, Vendors};
use opencredits_dialects::Dialect;
use std::sync::Arc;

/// Vendors of this URL scheme are served inside of the process.
const SANDBOX_SCHEME: &str = "sandbox:";

impl Vendor {
    /// Whether it is served inside of the process.
    #[must_use]
    pub fn is_inside(&self) -> bool {
        self.base_url.starts_with(SANDBOX_SCHEME)
    }
}

/// Makes vendors of the sandbox that stand in for others.
pub struct StandIns {
    inside: Vec<Arc<Vendor>>,
}

impl StandIns {
    /// From the compiled-in vendors of the sandbox, whatever the operator's config makes of them.
    ///
    /// # Errors
    /// When a compiled-in file is damaged, which a test rules out.
    pub fn builtin() -> Result<Self, VendorError> {
        let inside = Vendors::builtin()?.iter().filter(|vendor| vendor.is_inside()).cloned().collect();
        Ok(Self { inside })
    }

    /// The sandbox in place of a vendor: under the same id, in the nearest of its dialects, with the same terms about data.
    /// It has no address but the sandbox's, and no key. `None` where there is no sandbox.
    #[must_use]
    pub fn of(&self, vendor: &Vendor) -> Option<Vendor> {
        let same = self.inside.iter().find(|inside| inside.dialect == vendor.dialect);
        let inside = same.or_else(|| self.inside.iter().find(|inside| inside.dialect == Dialect::OpenaiChat))?;
        let embeds = vendor.dialects().any(|dialect| dialect == Dialect::OpenaiEmbeddings);
        let also = embeds.then(|| (Dialect::OpenaiEmbeddings, Endpoint::default()));
        Some(Vendor {
            id: Arc::clone(&vendor.id),
            also: also.into_iter().collect(),
            auth: Auth::None,
            data_collection: vendor.data_collection,
            zdr: vendor.zdr,
            stop_billing: vendor.stop_billing,
            ..Vendor::clone(inside)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_has_nothing_of_the_vendor_by_which_it_could_be_reached() {
        let stand_ins = StandIns::builtin().unwrap();
        for vendor in Vendors::builtin().unwrap().iter() {
            let stand_in = stand_ins.of(vendor).unwrap();
            assert_eq!(stand_in.id, vendor.id);
            for dialect in stand_in.dialects() {
                let url = stand_in.url(dialect, "m", false);
                assert!(url.starts_with("sandbox://local/"), "{}: {url}", vendor.id);
            }
            assert!(stand_in.headers.is_empty() && stand_in.variables().is_empty(), "{}", vendor.id);
            assert_eq!(stand_in.auth, Auth::None, "{}", vendor.id);
        }
    }
}
