//! The errors of vendor data.

/// A vendor's data is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VendorError {
    /// A vendor file cannot be read.
    #[error("cannot read the vendors: {0}")]
    Toml(#[from] toml::de::Error),
    /// A vendor's base URL is invalid.
    #[error(
        "the base_url of vendor {vendor} is no http or https address with a host, or has a brace without a variable's \
         name; write it as https://host/path"
    )]
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
    /// The name or the value of a header is not valid in HTTP.
    #[error("the header {header:?} of vendor {vendor} {problem}")]
    Header {
        /// The vendor.
        vendor: String,
        /// The header's name.
        header: String,
        /// The problem and its remedy.
        problem: &'static str,
    },
    /// The largest fees are negative.
    #[error("reported_cost.fees_max of vendor {vendor} is negative; write \"0\" where there are no fees")]
    Fees {
        /// The vendor.
        vendor: String,
    },
    /// The description of a vendor's bill is invalid.
    #[error("the billing_report of vendor {vendor} {problem}")]
    BillingReport {
        /// The vendor.
        vendor: String,
        /// The problem and its remedy.
        problem: &'static str,
    },
    /// Two entries have one id.
    #[error("vendor {vendor} is defined twice; join its [[vendor]] entries into one")]
    Twice {
        /// The vendor.
        vendor: String,
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
