//! The terms of partners that keys are found with.

use opencredits_units::BasisPoints;

/// The terms of partners. A key that is found anew has them as they are then.
#[derive(Clone, Copy)]
pub(crate) struct EarnerTerms {
    /// For partners whose record has no share.
    pub(crate) default_share: BasisPoints,
    /// The least markup that a partner may have.
    pub(crate) markup_min: BasisPoints,
    /// The highest one.
    pub(crate) markup_max: BasisPoints,
}

impl EarnerTerms {
    /// Any markup, and this share.
    pub(crate) const fn new(default_share: BasisPoints) -> Self {
        Self { default_share, markup_min: BasisPoints::ZERO, markup_max: BasisPoints::new(u32::MAX) }
    }
}
