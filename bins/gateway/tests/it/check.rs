//! `--check`: the config in force, without a secret and without touching anything.

use crate::fixture::{Fixture, config_of, failed, is_empty};

#[test]
fn a_config_is_shown_as_it_holds_and_no_secret_with_it() {
    let fixture = Fixture::new();
    let file = fixture.file("config.toml", &config_of("https://models.example"));
    let variables = [("HOUSE_API_KEY", "key-canary"), ("OPENCREDITS_BILLING_CREDIT_PRICE_USD", "1")];
    let output = fixture.run(&["--config", &file, "--check"], &variables);
    let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{shown}");
    for part in ["markup_bps = 2500", "credit_price_usd = \"1\"", "house/small", "x-secret", "listen = \"127.0.0.1:0\""]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("canary"), "{shown}");
    assert!(is_empty(&fixture.data()));
}

#[test]
fn what_cannot_be_used_is_named_and_nothing_is_started() {
    let fixture = Fixture::new();
    let check = |config: &str, variables: &[(&str, &str)], expect: &str| {
        let file = fixture.file("config.toml", config);
        for more in [&["--check"][..], &[]] {
            let (printed, error) = failed(fixture.run(&[&["--config", &file], more].concat(), variables));
            assert!(error.contains(expect) && printed.is_empty(), "{config}: {printed}{error}");
        }
        assert!(is_empty(&fixture.data()), "{config}");
    };
    check("[server]\nlisen = \"x\"", &[], "lisen");
    check("[server]\nheader_bytes_max = 4096", &[], "server.header_bytes_max");
    check("", &[("OPENCREDITS_LOG_FILTER", "loud")], "log.filter");
    check("[email]\ntransport = \"console\"", &[], "email.from");
    let mail = "[server]\npublic_url = \"https://a.example\"\n[email]\nfrom = \"mail@a.example\"\n";
    let smtp = format!("{mail}transport = \"smtp\"\nhost = \"mail.example\"\nusername = \"u\"\n");
    check(&format!("{smtp}password_file = \"/nowhere/word\""), &[], "cannot read email.password_file /nowhere/word");
    check(&format!("{smtp}tls = \"none\""), &[("OPENCREDITS_EMAIL_PASSWORD", "canary")], "without TLS");
    let signs_in = format!(
        "{mail}transport = \"console\"\n[identity]\nhash_key = \"{}\"\nlink_keys = \"{}\"\n",
        "ab".repeat(32),
        "cd".repeat(32)
    );
    check(&signs_in, &[], "privacy.address_keys_file");
    check("", &[("OPENCREDITS_SERVR_LISTEN", "x")], "OPENCREDITS_SERVR_LISTEN");
    check("", &[("OPENAI_API_KEY_FILE", "/nowhere/key")], "/nowhere/key");
    let vendor = "[[vendor]]\nid = \"own\"\ndialect = \"openai-chat\"\nauth = \"none\"\nbase_url = \"http://x/v1\"\n";
    let model = "[[model]]\nid = \"a/one\"\nvendor = \"own\"\ncontext_window = 10\nmax_output_tokens = 9\n\
        prices = { input = \"0\", output = \"0\" }\n";
    check(&vendor.replace("x/v1", ""), &[], "the base_url of vendor own");
    check(&format!("{vendor}headers = {{ \"bad header\" = \"x\" }}"), &[], "header \"bad header\" of vendor own");
    check(&format!("{vendor}headers = {{ host = \"x\" }}"), &[], "header \"host\" of vendor own");
    check(&[vendor, vendor].concat(), &[], "vendor own is defined twice");
    check(&[vendor, model, model].concat(), &[], "a/one and a/one");
    let (_, error) = failed(fixture.run(&["--config", "/nowhere.toml", "--check"], &[]));
    assert!(error.contains("/nowhere.toml"), "{error}");
}

#[test]
fn a_vendor_without_its_key_is_told_by_the_check_and_at_the_start() {
    let fixture = Fixture::new();
    let file = fixture.file("config.toml", &config_of("http://models.example"));
    let check = |variables: &[(&str, &str)], expect: &[&str]| {
        let output = fixture.run(&["--config", &file, "--check"], variables);
        let (config, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(output.status.success() && config.contains("[server]"), "{config}{told}");
        let gateway = fixture.start(&["--config", &file], variables);
        for text in [&told, &gateway.opening] {
            let all = expect.iter().all(|part| text.contains(part));
            assert!(all && text.matches("vendor house").count() == 1, "{expect:?}: {text}");
        }
    };
    check(&[], &["vendor house is not offered: HOUSE_API_KEY is not set", "no model is offered"]);
    check(&[("HOUSE_API_KEY", "k")], &["the key of vendor house goes to models.example in clear"]);
}

/// The files of steps 2 and 3 of the page, with something of the right form in each.
const FILES: [(&str, &str); 7] = [
    ("hash-key", "0101010101010101010101010101010101010101010101010101010101010101"),
    ("link-keys", "0202020202020202020202020202020202020202020202020202020202020202"),
    ("address-keys", "0303030303030303030303030303030303030303030303030303030303030303"),
    ("stripe-key", "rk_test_placeholder"),
    ("stripe-webhook", "whsec_placeholder"),
    ("mail-password", "placeholder"),
    ("openai-key", "placeholder"),
];

#[test]
fn the_config_that_the_page_begins_with_starts_and_warns_of_nothing() {
    let page = include_str!("../../../../docs/install.md");
    let (_, section) = page.split_once("\n## By hand\n").unwrap();
    let (_, config) = section.split_once("```toml\n").unwrap();
    let (config, _) = config.split_once("```").unwrap();
    let fixture = Fixture::new();
    let folder = |text: &str| text.replace("/etc/opencredits", fixture.data().parent().unwrap().to_str().unwrap());
    for (name, text) in FILES {
        assert!(section.contains(name), "{name} is not of the page");
        fixture.file(name, text);
    }
    let file = fixture.file("config.toml", &folder(config));
    let provider = folder("/etc/opencredits/openai-key");
    let variables = [("OPENAI_API_KEY_FILE", provider.as_str())];
    let output = fixture.run(&["--config", &file, "--check"], &variables);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.is_empty(), "{told}");
    let gateway = fixture.start(&["--config", &file], &variables);
    assert!(!gateway.opening.contains("WARN"), "{}", gateway.opening);
}
