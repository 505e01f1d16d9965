//! The service as its pages name it.

use opencredits_pages::{Operator, Policy, Site};
use opencredits_service::config::{Config, Processor};

/// The service of a config.
pub(crate) fn site(config: &Config) -> Site {
    let site = &config.site;
    Site {
        name: site.name.clone(),
        url: config.server.public_url(),
        operator: Operator {
            name: site.operator_name.clone(),
            address: site.operator_address.clone(),
            contact: site.contact.clone(),
        },
        terms: Policy { version: config.identity.terms_version.clone(), effective: site.terms_effective.clone() },
        privacy: Policy { version: site.privacy_version.clone(), effective: site.privacy_effective.clone() },
        // Whose payments are simulated sells credits that are worth nothing.
        is_dev: config.payments.processor == Processor::Sandbox,
    }
}
