//! Becoming a partner, and test keys, on the command line.

use clap::{Args, Subcommand};
use opencredits_api::admin::ApplicationRequest;
use opencredits_units::{BasisPoints, PartnerId};

#[derive(Subcommand)]
pub(crate) enum ApplicationCommand {
    /// Makes a test key of a partner and shows its secret, once. The first one brings play credits.
    TestKey {
        /// The partner, by id or name, or an application's id.
        partner: String,
        /// A name for the key.
        #[arg(long, default_value = "key")]
        name: String,
    },
    /// Applies for a person who wishes to run a partner.
    Apply(ApplicationOf),
    /// Lists applications that are not decided.
    Applications {
        /// Lists decided ones too.
        #[arg(long)]
        all: bool,
        /// The cursor: the `next` of the page before.
        #[arg(long, value_name = "ID")]
        after: Option<PartnerId>,
        /// The largest number of rows.
        #[arg(long, value_name = "COUNT", default_value_t = 100)]
        max: u32,
    },
    /// Makes an applicant a partner, under the application's id.
    Approve {
        /// The application's id, `partner_…`.
        id: PartnerId,
        /// Another name than the one that was applied for.
        #[arg(long)]
        name: Option<String>,
        /// Its share of the markup in hundredths of a percent. Default: the config's.
        #[arg(long, value_name = "POINTS")]
        share_bps: Option<u32>,
        /// The markup on requests through it, in hundredths of a percent, within the bounds of the config.
        #[arg(long = "markup", value_name = "POINTS")]
        markup_bps: Option<u32>,
    },
    /// Rejects an application.
    Reject {
        /// The application's id, `partner_…`.
        id: PartnerId,
        /// The reason, which the applicant sees.
        #[arg(long)]
        reason: String,
    },
}

#[derive(Args)]
pub(crate) struct ApplicationOf {
    /// The name of the app.
    name: String,
    /// The person who will run it, by id or label.
    #[arg(long, value_name = "USER")]
    owner: String,
    /// The app's page, such as `https://app.example`.
    #[arg(long, value_name = "URL")]
    url: String,
    /// An origin whose pages may use its publishable key; may be repeated. Without any, all may.
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// A URL to which people may be sent back; may be repeated.
    #[arg(long = "redirect", value_name = "URL")]
    redirect_urls: Vec<String>,
}

impl ApplicationCommand {
    pub(crate) fn request(&self) -> ApplicationRequest {
        match self {
            Self::TestKey { partner, name } => {
                ApplicationRequest::TestKey { partner: partner.clone(), name: name.clone() }
            }
            Self::Apply(new) => ApplicationRequest::Apply {
                name: new.name.clone(),
                owner: new.owner.clone(),
                url: new.url.clone(),
                origins: new.origins.clone(),
                redirect_urls: new.redirect_urls.clone(),
            },
            Self::Applications { all, after, max } => ApplicationRequest::List { all: *all, after: *after, max: *max },
            Self::Approve { id, name, share_bps, markup_bps } => ApplicationRequest::Approve {
                id: *id,
                name: name.clone(),
                share_bps: share_bps.map(BasisPoints::new),
                markup_bps: markup_bps.map(BasisPoints::new),
            },
            Self::Reject { id, reason } => ApplicationRequest::Reject { id: *id, reason: reason.clone() },
        }
    }
}
