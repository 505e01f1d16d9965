//! The page on pricing: its prices are read, its bill is computed.

use opencredits_catalog::{Bill, Catalog, Terms};
use opencredits_units::{BasisPoints, Bucket, CreditPrice, NanoUsd, Tokens, ToolUse, Usage};
use toml::{Table, Value};

const PAGE: &str = include_str!("../../../../docs/pricing.md");

/// The config on the page.
fn config() -> Table {
    let (_, rest) = PAGE.split_once("```toml\n").unwrap();
    rest.split_once("```").unwrap().0.parse().unwrap()
}

/// What the gateway gives to the catalogue of it.
fn catalog() -> Catalog {
    let models = Table::from_iter([("model".to_owned(), config().remove("model").unwrap())]);
    Catalog::empty().with_operator(&models.to_string()).unwrap()
}

fn basis_points(field: &str) -> BasisPoints {
    let value = config()["billing"][field].as_integer().unwrap();
    BasisPoints::new(value.try_into().unwrap())
}

/// The cells of the rows of the table with this head.
fn table(head: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = PAGE.split_once(head).unwrap();
    let rows = rest.lines().skip(2).map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").map(|cell| cell.trim_matches('`')).collect()).collect()
}

fn bill() -> (Vec<Vec<&'static str>>, Bill) {
    let rows = table("| what | quantity | rate | amount |");
    let mut usage = Usage::default();
    for row in &rows {
        let count = Tokens::new(row[1].parse().unwrap());
        match Bucket::ALL.into_iter().find(|bucket| bucket.name() == row[0]) {
            Some(bucket) => usage.set(bucket, count),
            None => usage.set_uses(ToolUse::ALL.into_iter().find(|tool| tool.name() == row[0]).unwrap(), count),
        }
    }
    let bill = catalog().resolve("house/long").unwrap().route.card.price(&usage, None).unwrap();
    (rows, bill)
}

#[test]
fn the_lines_of_the_bill_on_the_page_are_those_of_its_prices() {
    let (shown, bill) = bill();
    let computed: Vec<Vec<String>> = bill
        .lines
        .iter()
        .map(|line| {
            let (rate, amount) = (line.rate.usd_per_unit().to_string(), line.amount.to_string());
            vec![line.item.name().to_owned(), line.quantity.get().to_string(), rate, amount]
        })
        .collect();
    assert_eq!(shown, computed);
}

#[test]
fn the_sums_on_the_page_are_those_of_its_terms() {
    let terms = Terms { markup: basis_points("markup_bps"), partner_share: basis_points("partner_share_bps") };
    let charge = terms.charge(bill().1.cost).unwrap();
    let price: NanoUsd = config()["billing"]["credit_price_usd"].as_str().unwrap().parse().unwrap();
    let computed = [
        ("cost", charge.cost.to_string()),
        ("total", charge.total.to_string()),
        ("commission", charge.commission.to_string()),
        ("margin", charge.margin.to_string()),
        ("credits", CreditPrice::new(price).unwrap().show(charge.total).to_string()),
    ];
    let shown: Vec<(&str, String)> =
        table("| | USD | calculation |").into_iter().map(|row| (row[0], row[1].to_owned())).collect();
    assert_eq!(shown, computed);
}

#[test]
fn every_bucket_and_tool_is_on_the_page_in_its_order() {
    let shown: Vec<&str> = table("| bucket | meaning |").into_iter().map(|row| row[0]).collect();
    assert_eq!(shown, Bucket::ALL.map(Bucket::name));
    for tool in ToolUse::ALL {
        assert!(PAGE.contains(&format!("`{}`", tool.name())), "{}", tool.name());
    }
}

#[test]
fn the_fields_of_a_model_and_of_a_route_on_the_page_are_those_that_they_have() {
    let known = |toml: &str| -> Vec<String> {
        let refusal = Catalog::empty().with_operator(toml).unwrap_err().to_string();
        let (_, known) = refusal.split_once("expected one of ").unwrap();
        let (known, _) = known.split_once(" in ").unwrap_or((known, ""));
        known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let shown: Vec<&str> = table("| field of `[[model]]` |").into_iter().map(|row| row[0]).collect();
    assert_eq!(shown, known("[[model]]\nno_such_field = 1"));
    let (_, rest) = PAGE.split_once("`[[model.route]]` has ").unwrap();
    let shown: Vec<&str> =
        rest.split_once(", with the same meaning").unwrap().0.split('`').skip(1).step_by(2).collect();
    assert_eq!(shown, known("[[model]]\n[[model.route]]\nno_such_field = 1"));
}

/// A price of its own for every bucket that the row names, the first one highest: the first one must be what is charged.
#[test]
fn what_stands_in_for_a_missing_rate_is_what_the_page_says() {
    for row in table("| bucket | meaning |") {
        let chain: Vec<&str> = row[2].split('`').filter(|part| Bucket::ALL.iter().any(|b| b.name() == *part)).collect();
        let bucket = Bucket::ALL.into_iter().find(|bucket| bucket.name() == row[0]).unwrap();
        for start in 0..chain.len() {
            let prices: Table = ["input", "output"]
                .into_iter()
                .map(|name| (name.to_owned(), Value::from("1")))
                .chain(chain[start..].iter().map(|name| ((*name).to_owned(), Value::from("1"))))
                .chain([(chain[start].to_owned(), Value::from("7"))])
                .collect();
            let model = format!(
                "[[model]]\nid = \"a/b\"\nvendor = \"v\"\ncontext_window = 9\nmax_output_tokens = 9\nprices = {}",
                Value::Table(prices)
            );
            let catalog = Catalog::empty().with_operator(&model).unwrap();
            let rate = catalog.resolve("a/b").unwrap().route.card.rate(bucket);
            assert_eq!(rate.usd_per_unit().to_string(), "0.000007", "{} stands in for {}", chain[start], row[0]);
        }
    }
}
