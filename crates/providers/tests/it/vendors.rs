//! Vendors: data that is read whole, or refused by name.

use opencredits_providers::{Auth, Dialect, StopBilling, Vendor, VendorError, Vendors};
use std::sync::Arc;

#[test]
fn the_vendors_that_are_compiled_in_are_whole() {
    let vendors = Vendors::builtin().unwrap();
    for vendor in vendors.iter() {
        assert!(vendor.url(vendor.dialect, "m", false).ends_with(&vendor.dialect.path("m", false)), "{}", vendor.id);
        assert_eq!(vendor.key_env.is_none(), vendor.auth == Auth::None, "{}", vendor.id);
    }
    assert_eq!(
        vendors.get("openai").unwrap().url(Dialect::OpenaiChat, "m", true),
        "https://api.openai.com/v1/chat/completions"
    );
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
    assert_eq!(mine.url(Dialect::OpenaiChat, "m", false), "http://10.0.0.1:9/v1/chat/completions");
    assert_eq!(mine.stop_billing, StopBilling::GoesOn, "nobody has said that stopping ends the bill");
    assert!(vendors.get("openai").unwrap().base_url.contains("proxy.example"));
}

#[test]
fn what_means_nothing_is_refused_by_name() {
    let check = |more: &str, named: &str| {
        let own = format!("[[vendor]]\nid = \"mine\"\ndialect = \"openai-chat\"\nbase_url = \"http://x/v1\"\n{more}");
        let error = Vendors::default().with_operator(&own).unwrap_err().to_string();
        assert!(error.contains(named) && !error.contains("line"), "{error}");
    };
    check("kye_env = \"X\"", "vendor mine: unknown field `kye_env`");
    check("auth = \"basic\"", "vendor mine: unknown variant `basic`");
    check("zdr = 1", "vendor mine: invalid type: integer `1`, expected a boolean in `zdr`");
    check("[[vendor]]\ndialect = \"openai-chat\"", "[[vendor]] number 2: missing field `id`");
    check("renames = { model = \"engine\" }", "model");
    check("renames = { live = \"stream\" }", "stream");
}

#[test]
fn a_header_that_cannot_be_sent_or_is_not_the_operators_is_refused_by_name() {
    let check = |header: &str, named: &str| {
        let own = format!(
            "[[vendor]]\nid = \"mine\"\ndialect = \"openai-chat\"\nbase_url = \"http://x/v1\"\nheaders = {{ {header} }}"
        );
        let error = Vendors::default().with_operator(&own).map(drop).map_err(|error| error.to_string());
        assert!(error.clone().err().is_none_or(|error| error.contains("mine")), "{error:?}");
        assert_eq!(error.err().is_some_and(|error| error.contains(named)), !named.is_empty(), "{header}");
    };
    check("x-title = \"house\"", "");
    check("\"bad header\" = \"house\"", "\"bad header\"");
    check("x-title = \"two\\nlines\"", "x-title");
    for framing in ["content-length", "Host", "transfer-encoding", "connection", "content-encoding"] {
        check(&format!("{framing} = \"1\""), framing);
    }
}

#[test]
fn negative_fees_and_a_vendor_that_is_defined_twice_are_refused() {
    let own = "[[vendor]]\nid = \"mine\"\ndialect = \"openai-chat\"\nbase_url = \"http://x/v1\"\n";
    let check = |text: String, named: &str| {
        let error = Vendors::builtin().unwrap().with_operator(&text).unwrap_err().to_string();
        assert!(error.contains("mine") && error.contains(named), "{error}");
    };
    check(format!("{own}reported_cost = {{ member = \"cost\", pico_usd = 1, fees_max = \"-1\" }}"), "fees_max");
    check(format!("{own}{own}"), "twice");
}

fn at(base_url: &str) -> Result<Arc<Vendor>, VendorError> {
    let own = format!("[[vendor]]\nid = \"mine\"\ndialect = \"openai-chat\"\nbase_url = \"{base_url}\"");
    Vendors::default().with_operator(&own).map(|vendors| Arc::clone(vendors.get("mine").unwrap()))
}

#[test]
fn an_address_is_http_and_its_braces_hold_variables() {
    for wrong in ["http://", "https:///v1", "https://a b/v1", "https://x/v1?a=b", "https://:80/v1"] {
        assert!(matches!(at(wrong), Err(VendorError::BaseUrl { .. })), "{wrong}");
    }
    for wrong in ["ftp://x", "https://{A", "https://A}.x", "https://{}.x", "https://{a b}.x", "https://{A}}.x"] {
        assert!(matches!(at(wrong), Err(VendorError::BaseUrl { .. })), "{wrong}");
    }
    assert!(at("https://x/v1").unwrap().variables().is_empty());
    assert_eq!(at("https://{A_1}.x/{B}/v1").unwrap().variables(), ["A_1", "B"]);
    assert!(at("http://127.0.0.1:{PORT}/v1").is_ok());
}

#[test]
fn an_operators_part_of_an_address_cannot_lead_elsewhere() {
    let vendor = at("https://{NAME}.example/v1").unwrap();
    let fill = |value: Option<&str>| vendor.filled(|_| value.map(str::to_owned)).map(|filled| filled.base_url);
    assert_eq!(fill(Some("acme-1")).unwrap(), "https://acme-1.example/v1");
    assert_eq!(fill(None).unwrap(), "https://{NAME}.example/v1");
    for wrong in ["", "https://acme", "evil/", "me@evil", "x?", "x#", "a b", "{NAME}", "x:1", "é"] {
        let part = VendorError::Part { vendor: "mine".to_owned(), variable: "NAME".to_owned() };
        assert_eq!(fill(Some(wrong)), Err(part), "{wrong}");
    }
}

#[test]
fn a_key_stands_in_the_header_that_the_vendor_wants() {
    let vendors = Vendors::builtin().unwrap();
    let check = |id: &str, header: Option<(&str, &str)>| assert_eq!(vendors.get(id).unwrap().auth.header(), header);
    check("openai", Some(("authorization", "Bearer ")));
    check("anthropic", Some(("x-api-key", "")));
    check("azure-openai", Some(("api-key", "")));
    check("ollama", None);
    assert_eq!(Auth::XGoogApiKey.header(), Some(("x-goog-api-key", "")));
}

#[test]
fn a_model_is_asked_for_in_the_clients_dialect_unless_it_is_served_in_another_alone() {
    let vendors = Vendors::builtin().unwrap();
    let check = |vendor: &str, client: Dialect, (model, thinks): (&str, bool), expected: Option<Dialect>| {
        let found = vendors.get(vendor).unwrap().dialect_for(client, model, thinks);
        assert_eq!(found, expected, "{vendor}: {model} for {client}");
    };
    let (chat, messages, responses) = (Dialect::OpenaiChat, Dialect::AnthropicMessages, Dialect::OpenaiResponses);
    let embeddings = Dialect::OpenaiEmbeddings;
    for vendor in ["openai", "azure-openai"] {
        check(vendor, chat, ("gpt-5.5", true), Some(chat));
        check(vendor, messages, ("gpt-5.5", true), Some(responses));
        check(vendor, messages, ("gpt-4.1", false), Some(chat));
        check(vendor, messages, ("gpt-audio", false), Some(chat));
        for alone in ["gpt-5-codex", "gpt-5.1-codex-max", "gpt-5-pro", "gpt-5.4-pro-2026-03-05", "o3-pro", "o1-pro"] {
            check(vendor, chat, (alone, true), Some(responses));
        }
        check(vendor, embeddings, ("text-embedding-3-small", false), Some(embeddings));
    }
    check("groq", messages, ("m", true), Some(chat));
    check("groq", embeddings, ("m", false), Some(chat));
    check("google", chat, ("gemini-2.5-pro", true), Some(chat));
    check("google", messages, ("gemini-2.5-pro", true), Some(Dialect::GeminiGenerate));
}

#[test]
fn a_dialect_that_the_vendor_does_not_speak_is_refused_by_name() {
    for more in ["thinks_in = \"openai-responses\"", "only_in = { openai-responses = [\"m\"] }"] {
        let own = format!("[[vendor]]\nid = \"mine\"\ndialect = \"openai-chat\"\nbase_url = \"http://x/v1\"\n{more}");
        let error = Vendors::default().with_operator(&own).unwrap_err().to_string();
        assert!(error.contains("mine") && error.contains("openai-responses"), "{error}");
    }
}

#[test]
fn an_entry_without_a_dialect_changes_the_fields_that_it_has() {
    let builtin = Vendors::builtin().unwrap();
    let own = "[[vendor]]\nid = \"mistral\"\nbase_url = \"http://proxy.example/v1\"";
    let changed = Vendors::builtin().unwrap().with_operator(own).unwrap();
    let (before, after) = (builtin.get("mistral").unwrap(), changed.get("mistral").unwrap());
    assert_eq!(&*after.base_url, "http://proxy.example/v1");
    assert_eq!((after.dialect, &after.key_env, &after.renames), (before.dialect, &before.key_env, &before.renames));
    for vendor in builtin.iter() {
        let text = Vendors::builtin_text(&vendor.id).unwrap();
        let again = Vendors::default().with_operator(&text).unwrap();
        assert_eq!(format!("{:?}", again.get(&vendor.id).unwrap()), format!("{vendor:?}"), "{text}");
    }
    assert!(Vendors::builtin_text("nobody").is_none());
    assert!(Vendors::builtin().unwrap().with_operator("[[vendor]]\nid = \"nobody\"").is_err());
}

#[test]
fn a_vendor_says_what_it_adds_to_the_input_and_how_often_it_bills_it() {
    let vendors = Vendors::builtin().unwrap();
    let check = |id: &str, added: u64, billed: [u64; 3]| {
        let vendor = vendors.get(id).unwrap();
        let found = [0, 1, 3].map(|choices| vendor.inputs_billed(choices));
        assert_eq!((vendor.added_input_tokens, found), (added, billed), "{id}");
    };
    check("openai", 0, [1, 1, 1]);
    check("mistral", 0, [1, 1, 3]);
    check("venice", 1_100, [1, 1, 1]);
}
