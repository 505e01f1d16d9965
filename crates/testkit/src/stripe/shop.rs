//! Products, prices and what a page asks for: as far as Stripe's command line needs them to pay like a buyer.

use super::books::{Books, Handled, Refusal, amount, invalid, missing};
use super::form;
use super::lifecycle::Method;
use super::query::{Params, param, refuse_unknown};
use serde_json::{Value, json};

const PAGES: &str = "/v1/payment_pages/";

impl Books {
    /// Answers what is no part of the usual paths.
    pub(super) fn shop(&mut self, method: &str, path: &str, params: &Params) -> Handled {
        let page = path.strip_prefix(PAGES);
        match (method, path) {
            ("POST", "/v1/products") => self.create_product(params),
            ("POST", "/v1/prices") => self.create_price(params),
            ("POST", "/v1/payment_methods") => self.create_method(params),
            ("GET", _) if page.is_some() => {
                let session = page.unwrap_or_default();
                self.one("checkout.session", session).map(|_| self.shown(session))
            }
            ("POST", _) => match page.and_then(|page| page.strip_suffix("/confirm")) {
                Some(session) => self.confirm(session, params),
                None => Err(missing(404, "", path)),
            },
            _ => Err(missing(404, "", path)),
        }
    }

    fn create_product(&mut self, params: &Params) -> Handled {
        refuse_unknown(params, &["name", "description"])?;
        let id = self.id("prod_");
        let told = form::to_json(params);
        self.keep(json!({
            "id": id, "object": "product", "active": true, "created": self.now_s, "description": told["description"],
            "images": [], "livemode": self.livemode, "marketing_features": [], "metadata": {}, "name": told["name"],
            "updated": self.now_s,
        }));
        Ok(self.shown(&id))
    }

    fn create_price(&mut self, params: &Params) -> Handled {
        refuse_unknown(params, &["product", "unit_amount", "currency"])?;
        let product = param(params, "product").unwrap_or_default();
        self.one("product", product).map_err(|_| missing(400, "product", product))?;
        let unit = param(params, "unit_amount").and_then(|unit| unit.parse::<i64>().ok());
        let unit = unit.ok_or_else(|| invalid("parameter_invalid_integer", "unit_amount", "Invalid integer."))?;
        let id = self.id("price_");
        self.keep(json!({
            "id": id, "object": "price", "active": true, "billing_scheme": "per_unit", "created": self.now_s,
            "currency": param(params, "currency"), "livemode": self.livemode, "metadata": {}, "product": product,
            "type": "one_time", "unit_amount": unit, "unit_amount_decimal": unit.to_string(),
        }));
        Ok(self.shown(&id))
    }

    fn create_method(&mut self, params: &Params) -> Handled {
        let known =
            ["type", "card.token", "billing_details.email", "billing_details.name", "billing_details.address.*"];
        refuse_unknown(params, &known)?;
        let email = form::to_json(params)["billing_details"]["email"].clone();
        let id = self.new_method(&Value::Null, &email);
        Ok(self.shown(&id))
    }

    fn confirm(&mut self, session: &str, params: &Params) -> Handled {
        refuse_unknown(params, &["payment_method", "expected_amount"])?;
        let page = self.one("checkout.session", session)?;
        let expected = param(params, "expected_amount").and_then(|expected| expected.parse::<i64>().ok());
        if page["status"] != "open" || expected != Some(amount(page, "amount_total")) {
            return Err(invalid("", "expected_amount", "The page is not open, or asks for another amount."));
        }
        self.pay(session, Method::Card);
        Ok(self.shown(session))
    }

    /// The price of an item: its own, or one that was made before.
    pub(super) fn price_of(&self, item: &Value) -> Result<Option<(i64, String)>, Refusal> {
        let Some(id) = item["price"].as_str() else {
            return Ok(None);
        };
        let price = self.one("price", id).map_err(|_| missing(400, "price", id))?;
        let currency = price["currency"].as_str().unwrap_or_default();
        Ok(Some((amount(price, "unit_amount"), currency.to_owned())))
    }
}
