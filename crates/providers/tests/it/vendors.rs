//! Vendors: data that is read whole, or refused by name.

use opencredits_providers::{Auth, Dialect, Error, StopBilling, Vendors};

#[test]
fn the_vendors_that_are_compiled_in_are_whole() {
    let vendors = Vendors::builtin().unwrap();
    for vendor in vendors.iter() {
        assert!(vendor.url().ends_with(vendor.dialect.path()), "{}", vendor.id);
        assert_eq!(vendor.key_env.is_none(), vendor.auth == Auth::None, "{}", vendor.id);
    }
    assert_eq!(vendors.get("openai").unwrap().url(), "https://api.openai.com/v1/chat/completions");
    let anthropic = vendors.get("anthropic").unwrap();
    assert_eq!((anthropic.dialect, &anthropic.auth), (Dialect::AnthropicMessages, &Auth::XApiKey));
}

#[test]
fn every_file_is_compiled_in_and_its_name_is_the_vendors_id() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/vendors")).unwrap();
    let mut names: Vec<String> = folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let vendors = Vendors::builtin().unwrap();
    let mut ids: Vec<String> = vendors.iter().map(|vendor| format!("{}.toml", vendor.id)).collect();
    ids.sort();
    assert_eq!(names, ids);
}

#[test]
fn an_operators_vendor_joins_or_replaces_and_its_defaults_are_careful() {
    let own = "[[vendor]]\nid = \"mine\"\ndialect = \"openai-chat\"\nbase_url = \"http://10.0.0.1:9/v1/\"\nauth = \"none\"\n[[vendor]]\nid = \"openai\"\ndialect = \"openai-chat\"\nbase_url = \"https://proxy.example/v1\"";
    let vendors = Vendors::builtin().unwrap().with_operator(own).unwrap();
    let mine = vendors.get("mine").unwrap();
    assert_eq!(mine.url(), "http://10.0.0.1:9/v1/chat/completions");
    assert_eq!(mine.stop_billing, StopBilling::GoesOn, "nobody has said that stopping ends the bill");
    assert!(vendors.get("openai").unwrap().base_url.contains("proxy.example"));
}

#[test]
fn what_means_nothing_is_refused_by_name() {
    let check = |more: &str, named: &str| {
        let own = format!("[[vendor]]\nid = \"mine\"\ndialect = \"openai-chat\"\nbase_url = \"http://x/v1\"\n{more}");
        let error = Vendors::default().with_operator(&own).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    };
    check("kye_env = \"X\"", "kye_env");
    check("auth = \"basic\"", "basic");
    let own = "[[vendor]]\nid = \"mine\"\ndialect = \"openai-chat\"\nbase_url = \"ftp://x\"";
    assert!(matches!(Vendors::default().with_operator(own), Err(Error::BaseUrl { .. })));
}
