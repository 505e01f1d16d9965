//! What can be wrong with a vendor's data.

/// What can be wrong with a vendor's data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VendorError {
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
