//! The errors of vendor data.

/// A vendor's data is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VendorError {
    /// A vendor file cannot be read.
    #[error("cannot read the vendors: {0}")]
    Toml(#[from] toml::de::Error),
    /// A vendor's base URL is invalid.
    #[error("the base_url of vendor {vendor} is no http or https address, or has a brace without a variable's name")]
    BaseUrl {
        /// The vendor.
        vendor: String,
    },
    /// The value of a variable cannot be a part of a URL.
    #[error(
        "{variable} is no part of the address of vendor {vendor}; set it to the bare name, without scheme or slash"
    )]
    Part {
        /// The vendor.
        vendor: String,
        /// The variable.
        variable: String,
    },
    /// A rename affects a field that the gateway itself sets or reads.
    #[error("the vendor {vendor} cannot have {field} in renames; the gateway sets it itself")]
    Rename {
        /// The vendor.
        vendor: String,
        /// The field.
        field: String,
    },
}
