//! Names: any case, aliases, dates, authors; and what is refused.

use opencredits_catalog::{Catalog, CatalogError};

fn check(name: &str, expect: &str) {
    let catalog = Catalog::builtin().unwrap();
    assert_eq!(catalog.resolve(name).map(|model| model.id.to_string()).as_deref(), Ok(expect), "{name}");
}

#[test]
fn a_model_answers_to_its_names_in_any_case() {
    check("openai/gpt-5-mini", "openai/gpt-5-mini");
    check("OpenAI/GPT-5-Mini", "openai/gpt-5-mini");
    check(" gpt-5-mini ", "openai/gpt-5-mini");
    check("gpt-5-mini-2025-08-07", "openai/gpt-5-mini");
    check("claude-opus-4-8", "anthropic/claude-opus-4-8");
    check("anthropic/claude-opus-4.8", "anthropic/claude-opus-4-8");
    check("claude-sonnet-4-20250514", "anthropic/claude-sonnet-4-20250514");
    check("claude-haiku-4-5-20251001", "anthropic/claude-haiku-4-5-20251001");
    check("anthropic/claude-3-5-sonnet", "anthropic/claude-3-5-sonnet-20241022");
}

#[test]
fn an_unknown_model_is_refused_with_names_like_it() {
    let catalog = Catalog::builtin().unwrap();
    let Err(CatalogError::UnknownModel { name, similar }) = catalog.resolve("openai/gpt-5-minni") else {
        panic!("an unknown model was found");
    };
    assert_eq!(name, "openai/gpt-5-minni");
    assert!(similar.contains(&"openai/gpt-5-mini".to_owned()), "{similar:?}");
    assert!(catalog.resolve("").is_err());
    for (asked, meant) in [
        ("claude-4-5-sonnet", "anthropic/claude-sonnet-4-5"),
        ("gpt-mini-5", "openai/gpt-5-mini"),
        ("gtp-5-mini", "openai/gpt-5-mini"),
        ("gpt-5-mini/openai", "openai/gpt-5-mini"),
    ] {
        let Err(CatalogError::UnknownModel { similar, .. }) = catalog.resolve(asked) else {
            panic!("{asked} was found");
        };
        assert!(similar.first().is_some_and(|first| first.starts_with(meant)), "{asked}: {similar:?}");
    }
}

#[test]
fn a_name_longer_than_any_is_refused_without_a_search_and_repeated_cut() {
    let catalog = Catalog::builtin().unwrap();
    let check = |asked: &str, is_searched: bool, repeated: &str| {
        let Err(CatalogError::UnknownModel { name, similar }) = catalog.resolve(asked) else {
            panic!("{asked} was found");
        };
        assert_eq!((!similar.is_empty(), name.as_str()), (is_searched, repeated), "{asked}");
    };
    let long = |bytes: usize| format!("gpt-5-mini-{}", "é".repeat(bytes / 2));
    let cut = format!("gpt-5-mini-{}…", "é".repeat(53));
    check("gpt-5-minni", true, "gpt-5-minni");
    check(&long(200), true, &cut);
    check(&long(300), false, &cut);
    check(&long(60_000), false, &cut);
}

#[test]
fn an_operators_model_replaces_the_books_and_a_priceless_one_is_refused() {
    let own = r#"model = [{ id = "openai/gpt-5-mini", vendor = "llama.cpp", context_window = 10, max_output_tokens = 9, prices = { input = "0", output = "0" } }]"#;
    let catalog = Catalog::builtin().unwrap().with_operator(own).unwrap();
    assert_eq!(&*catalog.resolve("gpt-5-mini").unwrap().route.vendor, "llama.cpp");
    let refused = [
        (r#"prices = { input = "1" }"#, "price for input and output"),
        (r#"prices = { input = "1", output = "x" }"#, "output"),
        (r#"prices = { input = "1", output = "1", inptu = "2" }"#, "a/b has an unknown price inptu; known are input, "),
        (r#"prices = { input = "1", output = "1" }, per_use = { serach = "1" }"#, "serach; known are web_search, "),
        (r#"prices = { input = "1", output = "1" }, prise = 1"#, "model a/b: unknown field `prise`, expected one of"),
        (
            r#"prices = { input = 1, output = "1" }"#,
            "model a/b: invalid type: integer `1`, expected a string in `prices.input`",
        ),
        (r#"prices = { input = "0.0000001", output = "1" }"#, "input"),
    ];
    for (members, named) in refused {
        let toml = format!(
            r#"model = [{{ id = "a/b", vendor = "v", context_window = 1, max_output_tokens = 1, {members} }}]"#
        );
        let error = Catalog::empty().with_operator(&toml).unwrap_err().to_string();
        assert!(error.contains(named) && !error.contains("line"), "{members}: {error}");
    }
    let nameless = Catalog::empty().with_operator("[[model]]\nvendor = \"v\"").unwrap_err().to_string();
    assert!(nameless.contains("[[model]] number 1: missing field `id`"), "{nameless}");
}

#[test]
fn two_models_of_the_operator_with_one_name_are_refused() {
    let model = |id: &str, aliases: &str| {
        format!(
            "[[model]]\nid = \"{id}\"\naliases = [{aliases}]\nvendor = \"v\"\ncontext_window = 10\n\
             max_output_tokens = 9\nprices = {{ input = \"0\", output = \"0\" }}\n"
        )
    };
    let check = |models: &[String], named: &[&str]| {
        let read = Catalog::builtin().unwrap().with_operator(&models.concat());
        let error = read.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(named.iter().all(|name| error.contains(name)) && named.is_empty() == error.is_empty(), "{error}");
    };
    check(&[model("a/one", ""), model("A/One", "")], &["a/one and a/one", "name, a/one"]);
    check(&[model("a/one", "\"fast\""), model("a/two", "\"Fast\"")], &["a/one and a/two", "name, fast"]);
    check(&[model("a/one", "\"a/two\""), model("a/two", "")], &["a/one and a/two", "name, a/two"]);
    check(&[model("a/one", "\"fast\""), model("a/two", "\"slow\"")], &[]);
    check(&[model("openai/gpt-5-mini", "\"fast\", \"fast\"")], &[]);
}

#[test]
fn only_what_is_served_is_offered() {
    let catalog = Catalog::builtin().unwrap().with_sandbox().unwrap().only(|vendor| vendor.starts_with("sandbox"));
    let ids: Vec<&str> = catalog.models().iter().map(|model| &*model.id).collect();
    assert_eq!(ids, ["sandbox/claude", "sandbox/gpt"]);
}
