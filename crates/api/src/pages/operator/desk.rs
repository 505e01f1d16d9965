//! Who asks for what, and how values become cells.

use crate::admin::{Refusal, RefusalCode};
use crate::errors::Problem;
use crate::operator::{Operator, OperatorApp};
use crate::pages::PageRequest;
use crate::query::Parameters;
use axum::extract::Query;
use opencredits_pages::figures::{Money, Rounding};
use opencredits_pages::views::operator::{Cell, Order};
use opencredits_service::accounts::{Accounts, AccountsError};
use opencredits_store::Store;
use opencredits_units::{CreditPrice, NanoUsd, PartnerId, UnixMs, UserId};
use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

/// An operator, and the page that they ask for.
pub(super) struct Desk<'a> {
    pub(super) who: Operator<'a>,
    pub(super) now: UnixMs,
    path: &'a str,
    query: Parameters,
}

impl<'a> Desk<'a> {
    /// Who asks.
    pub(super) async fn of(state: &'a OperatorApp, request: &'a PageRequest) -> Result<Self, Problem> {
        let who = Operator::of(state, &request.uri, &request.headers).await?;
        // What cannot be read as a query is none.
        let query = Query::try_from_uri(&request.uri).map_or_else(|_| HashMap::new(), |Query(query)| query);
        Ok(Self { who, now: state.app.gateway.clock().now(), path: request.uri.path(), query })
    }

    pub(super) const fn state(&self) -> &'a OperatorApp {
        self.who.state
    }

    pub(super) fn accounts(&self) -> &'a Accounts {
        &self.state().admin.accounts
    }

    /// The store, where there is one beside the gateway.
    pub(super) fn store(&self) -> Result<&'a dyn Store, Refusal> {
        self.state().admin.stored.as_deref().ok_or_else(|| invalid("this service has no store to look things up in"))
    }

    pub(super) fn price(&self) -> CreditPrice {
        self.state().app.settings.credit_price
    }

    /// A parameter that is not empty.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A parameter of this form; one that cannot be read is none.
    pub(super) fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.asked(name).and_then(|text| text.parse().ok())
    }

    /// The id at the end of the path.
    pub(super) fn id<T: FromStr>(&self) -> Result<T, Refusal> {
        let last = self.path.rsplit('/').next().and_then(|text| text.parse().ok());
        last.ok_or_else(|| Refusal { code: RefusalCode::NotFound, refused: "there is nothing of this id".to_owned() })
    }

    /// The same page with one parameter.
    pub(super) fn href(&self, name: &str, value: impl Display) -> String {
        link(self.path, &[(name, &value.to_string())])
    }

    /// An amount that somebody has.
    pub(super) fn has(&self, amount: NanoUsd) -> Cell {
        Cell::Amount { amount: Money::of(amount, self.price(), Rounding::Down) }
    }

    /// An amount that was charged.
    pub(super) fn charged(&self, amount: NanoUsd) -> Cell {
        Cell::Amount { amount: self.money(amount) }
    }

    pub(super) fn money(&self, amount: NanoUsd) -> Money {
        Money::of(amount, self.price(), Rounding::Up)
    }

    /// The credits of an amount, exactly, for a field.
    pub(super) fn credits(&self, amount: NanoUsd) -> String {
        self.price().show(amount).to_string()
    }

    /// The label of a person as a link; the id where there is nobody any more.
    pub(super) async fn person(&self, user: UserId) -> Result<Cell, Refusal> {
        let label = match self.accounts().find_user(&user.to_string()).await {
            Ok(found) => found.label,
            Err(AccountsError::NoUser { .. }) => user.to_string(),
            Err(error) => return Err(error.into()),
        };
        Ok(Cell::link(label, person_href(user)))
    }
}

pub(super) fn person_href(user: UserId) -> String {
    format!("/operator/people/{user}")
}

pub(super) fn partner_href(partner: PartnerId) -> String {
    format!("/operator/partners/{partner}")
}

/// A link with a query.
pub(super) fn link(path: &str, query: &[(&str, &str)]) -> String {
    let mut written = form_urlencoded::Serializer::new(String::new());
    written.extend_pairs(query);
    format!("{path}?{}", written.finish())
}

pub(super) fn at(time: UnixMs) -> Cell {
    Cell::Time { at: time.into() }
}

pub(super) fn maybe_at(time: Option<UnixMs>) -> Cell {
    time.map_or(Cell::Nothing, at)
}

pub(super) fn by_text(text: impl ToString) -> Order {
    Order::Text(text.to_string().to_lowercase())
}

pub(super) fn by_number(number: impl Into<i128>) -> Order {
    Order::Number(number.into())
}

/// Hundredths of a percent, such as `12.5 %`.
pub(super) fn percent(basis_points: u64) -> Cell {
    Cell::number(format!("{}%", opencredits_units::Decimal::new(i128::from(basis_points), 2)))
}

pub(super) fn invalid(refused: impl Into<String>) -> Refusal {
    Refusal { code: RefusalCode::Invalid, refused: refused.into() }
}
