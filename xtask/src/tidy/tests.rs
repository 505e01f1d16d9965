//! A rule that cannot fail is worthless: each is shown a file that breaks it, and one that only looks so.

use super::check;
use super::source::Source;

/// The findings in some files, as `path:line: what`.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<Source> =
        files.iter().map(|(path, text)| Source { path: (*path).to_owned(), text: (*text).to_owned() }).collect();
    let findings = check(&sources);
    let lines = findings.iter().map(ToString::to_string);
    lines.map(|line| line.split(" — ").next().unwrap().to_owned()).collect()
}

fn manifest(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\n[lints]\nworkspace = true\n{rest}")
}

fn check_manifest(folder: &str, rest: &str, expected: &[&str]) {
    let name = folder.rsplit('/').next().unwrap();
    let name = match name {
        "xtask" => name.to_owned(),
        name => format!("opencredits-{name}"),
    };
    let path = format!("{folder}/Cargo.toml");
    assert_eq!(found(&[(&path, &manifest(&name, rest))]), expected);
}

fn check_one(path: &str, text: &str, expected: &[&str]) {
    assert_eq!(found(&[(path, text)]), expected);
}

#[test]
fn an_arrow_that_does_not_point_down_is_found() {
    let api = "[dependencies]\nopencredits-service.workspace = true";
    check_manifest("crates/api", api, &[]);
    check_manifest(
        "crates/store",
        "[dependencies]\nopencredits-service = { path = \"../service\" }",
        &["crates/store/Cargo.toml:6: store uses service, which is not below it"],
    );
    check_manifest(
        "crates/keys",
        "[target.'cfg(unix)'.dependencies]\nopencredits-ledger.workspace = true",
        &["crates/keys/Cargo.toml:6: keys uses ledger, which is not below it"],
    );
    check_manifest(
        "bins/gateway",
        "[dependencies]\nother = { package = \"opencredits-admin\" }",
        &["bins/gateway/Cargo.toml:6: gateway uses admin, which is not below it"],
    );
    check_manifest(
        "crates/service",
        "[dev-dependencies]\nopencredits-api.workspace = true",
        &["crates/service/Cargo.toml:6: service uses api, which is not below it"],
    );
}

#[test]
fn the_chain_of_dialects_goes_one_way() {
    check_manifest("crates/translation", "[dependencies]\nopencredits-dialects.workspace = true", &[]);
    check_manifest("crates/providers", "[dependencies]\nopencredits-wire.workspace = true", &[]);
    check_manifest(
        "crates/dialects",
        "[dependencies]\nopencredits-translation.workspace = true",
        &["crates/dialects/Cargo.toml:6: dialects uses translation, which is not below it"],
    );
    check_manifest(
        "crates/catalog",
        "[dependencies]\nopencredits-wire.workspace = true",
        &["crates/catalog/Cargo.toml:6: catalog uses wire, which is not below it"],
    );
}

#[test]
fn the_testkit_is_for_tests_only() {
    let dev = "[dev-dependencies]\nopencredits-testkit.workspace = true";
    let shipped = "[dependencies]\nopencredits-testkit.workspace = true";
    check_manifest("crates/units", dev, &[]);
    check_manifest("xtask", shipped, &[]);
    check_manifest("crates/service", shipped, &["crates/service/Cargo.toml:6: service ships the testkit"]);
}

#[test]
fn a_crate_has_a_floor_its_folders_name_and_the_lints() {
    check_manifest("crates/extra", "", &["crates/extra/Cargo.toml:1: extra stands on no floor"]);
    check_one(
        "crates/keys/Cargo.toml",
        &manifest("opencredits-locks", ""),
        &[
            "crates/keys/Cargo.toml:1: locks stands on no floor",
            "crates/keys/Cargo.toml:2: opencredits-locks lies in the folder keys",
        ],
    );
    check_one(
        "crates/keys/Cargo.toml",
        "[package]\nname = \"opencredits-keys\"",
        &["crates/keys/Cargo.toml:1: the workspace's lints do not hold here"],
    );
}

#[test]
fn a_long_function_is_found_wherever_it_stands() {
    let body = "    work();\n".repeat(69);
    let long = format!("fn long() {{\n{body}}}\n");
    check_one("crates/units/src/a.rs", &long, &["crates/units/src/a.rs:1: long has 71 lines, 70 are the limit"]);
    check_one(
        "crates/units/src/a.rs",
        &format!("impl A {{\n{long}}}"),
        &["crates/units/src/a.rs:2: long has 71 lines, 70 are the limit"],
    );
    let short = format!("/// Lines of documentation\n/// are free.\nfn f() {{\n{}}}\n", &body[12..]);
    check_one("crates/units/src/a.rs", &short, &[]);
}

#[test]
fn a_long_file_is_found_and_a_main_file_sooner() {
    let lines = |count: usize| "// a line\n".repeat(count);
    check_one("crates/units/src/a.rs", &lines(600), &[]);
    check_one(
        "crates/units/tests/it/a.rs",
        &lines(601),
        &["crates/units/tests/it/a.rs:601: 601 lines, 600 are the limit"],
    );
    check_one("bins/admin/src/main.rs", &lines(151), &["bins/admin/src/main.rs:151: 151 lines, 150 are the limit"]);
}

#[test]
fn an_allowed_lint_is_found_and_an_expected_one_is_not() {
    check_one(
        "crates/units/src/a.rs",
        "#![allow(missing_docs)]\n#[cfg_attr(test, allow(dead_code))]\nfn f() {}\n#[expect(dead_code, reason = \"r\")]\nfn g() {}",
        &["crates/units/src/a.rs:1: a lint is allowed", "crates/units/src/a.rs:2: a lint is allowed"],
    );
    check_one("crates/units/src/a.rs", "const TEXT: &str = \"#[allow(x)]\"; // #[allow(x)]", &[]);
}

#[test]
fn a_file_that_does_not_parse_is_found() {
    let findings = found(&[("crates/units/src/a.rs", "fn f( {}")]);
    assert_eq!(findings.len(), 1);
    assert!(findings[0].starts_with("crates/units/src/a.rs:1: no Rust"), "{findings:?}");
}

#[test]
fn a_vendors_name_is_found_in_names_texts_macros_and_attributes() {
    for text in [
        "fn openai() {}",
        "struct OpenaiClient;",
        "struct OpenAiClient;",
        "const A: &str = \"https://api.anthropic.com\";",
        "const A: &[u8] = b\"xai\";",
        "fn f() { call!(\"groq\"); }",
        "#[serde(rename = \"google\")]\nstruct A;",
        "const XAI_KEY: u8 = 1;",
        "fn f() { if vendor == \"acme-ai\" {} }",
    ] {
        let vendor = ("crates/providers/vendors/acme-ai.toml", "id = \"acme-ai\"");
        let findings = found(&[vendor, ("crates/service/src/a.rs", text)]);
        assert_eq!(findings.len(), 1, "{text}: {findings:?}");
        assert!(findings[0].contains("the vendor's name"), "{findings:?}");
    }
}

#[test]
fn dialects_comments_tests_and_other_words_are_no_vendors() {
    for text in [
        "struct OpenaiChat; mod anthropic_messages {}",
        "const OPENAI_CHAT: &str = \"openai-chat\";",
        "const A: &str = \"anthropic-version\";",
        "//! As OpenAI does.\n/// As Anthropic does.\nfn f() {} // xai",
        "#[cfg(test)]\nmod tests { const A: &str = \"openai\"; }",
        "#[test]\nfn openai() {}",
        "fn maxai_relaxais() {}",
        "fn sandbox() {}",
    ] {
        check_one("crates/service/src/a.rs", text, &[]);
    }
    let ours = ("crates/providers/vendors/sandbox-chat.toml", "");
    let code = ("crates/service/src/a.rs", "const A: &str = \"sandbox-chat\";");
    assert!(found(&[ours, code]).is_empty());
    check_one("crates/api/tests/it/a.rs", "fn openai() {}", &[]);
    check_one("crates/testkit/src/a.rs", "fn openai() {}", &[]);
}

#[test]
fn a_secret_is_found_in_any_file() {
    let digits = "4f9a0b8c7d6e5f4a3b2c1d0e9f8a7b6c";
    let check_secret = |line: &str, expected: usize| {
        let text = format!("first\n{line}\n");
        let findings = found(&[("tests/fixtures/a.json", &text)]);
        assert_eq!(findings.len(), expected, "{findings:?}");
        assert!(findings.iter().all(|one| one.contains(":2: ")), "{findings:?}");
        assert!(findings.iter().all(|one| !one.contains(digits)), "{findings:?}");
    };
    check_secret(&format!("\"key\": \"{}-{digits}\"", "sk"), 1);
    check_secret(&format!("\"key\": \"{}-proj-{digits}\"", "sk"), 1);
    check_secret(&format!("id = {}{}", "AK", "IAQ4J7Z2M5X8V1C3B6"), 1);
    check_secret(&format!("-----BEGIN RSA PRIVATE {}-----", "KEY"), 1);
    check_secret(&format!("hook = {}ec_{digits}", "whs"), 1);
    check_secret("\"key\": \"sk-this-is-no-real-key-at-all\"", 0);
    check_secret("\"key\": \"sk-1111111111111111111111111111\"", 0);
    check_secret("task-4f9a0b8c7d6e5f4a3b2c1d0e9f8a7b6c", 0);
}

#[test]
fn a_user_key_is_a_secret_when_its_checksum_is_right() {
    let key = opencredits_keys::UserKey::generate([42; 32]);
    let right = key.reveal();
    let findings = found(&[("docs/a.md", right)]);
    assert_eq!(findings, ["docs/a.md:1: a user key whose checksum is right"]);
    let wrong = &right[..right.len() - 1];
    assert!(found(&[("docs/a.md", wrong)]).is_empty());
}

#[test]
fn a_path_of_one_machine_is_found() {
    let work = concat!("/wo", "rk/");
    let check_line = |line: &str, expected: usize| {
        assert_eq!(found(&[("docs/a.md", line)]).len(), expected, "{line}");
    };
    check_line(&format!("see {work}main"), 1);
    check_line(&format!("`{work}main`"), 1);
    check_line(&format!("frame{work}main"), 0);
    check_line("the workshop", 0);
}

#[test]
fn an_example_that_needs_a_second_crate_of_ours_is_found() {
    let front = "//! ```\n//! use opencredits_units::UnixMs;\n//! ```";
    check_one(
        "crates/ledger/src/lib.rs",
        front,
        &["crates/ledger/src/lib.rs:2: an example of ledger needs opencredits_units besides"],
    );
    check_one("crates/store/src/lib.rs", front, &[]);
    check_one(
        "crates/ledger/src/lib.rs",
        "//! use opencredits_ledger::units::UnixMs;\nuse opencredits_units::UnixMs;",
        &[],
    );
    check_one(
        "crates/ledger/examples/prepaid.rs",
        "use opencredits_units::UnixMs;",
        &["crates/ledger/examples/prepaid.rs:1: an example of ledger needs opencredits_units besides"],
    );
}

/// Files of one crate, and the circles among them.
fn check_circles(files: &[(&str, &str)], expected: &[&str]) {
    let paths: Vec<String> = files.iter().map(|(name, _)| format!("crates/units/src/{name}")).collect();
    let files: Vec<(&str, &str)> = paths.iter().zip(files).map(|(path, (_, text))| (path.as_str(), *text)).collect();
    let expected: Vec<String> = expected.iter().map(|line| format!("crates/units/src/{line}")).collect();
    assert_eq!(found(&files), expected);
}

#[test]
fn files_that_use_each_other_are_a_circle() {
    check_circles(
        &[("a.rs", "use crate::b::B;\nstruct A(B);"), ("b.rs", "struct B;\nfn b(a: &crate::a::A) {}")],
        &["a.rs:1: a circle of files: a.rs → b.rs → a.rs"],
    );
    let way = [("a.rs", "use super::b;"), ("b.rs", "use crate::c::C;"), ("c.rs", "fn c() { dbg!(super::a::f()); }")];
    check_circles(&way, &["a.rs:1: a circle of files: a.rs → b.rs → c.rs → a.rs"]);
    check_circles(&way[..2], &[]);
}

#[test]
fn of_circles_that_share_a_file_the_shortest_is_named() {
    check_circles(
        &[
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "use crate::{c::C, d::D};"),
            ("c.rs", "use crate::a::A;"),
            ("d.rs", "use crate::b::B;"),
        ],
        &["b.rs:1: a circle of files: b.rs → d.rs → b.rs"],
    );
}

#[test]
fn a_module_may_list_and_re_export_its_children_and_not_use_them_when_they_use_it() {
    let lib = ("lib.rs", "mod a;\npub use a::{A, inner::Deep};\nmod b;");
    check_circles(
        &[
            lib,
            ("a/mod.rs", "mod inner;\npub use inner::A;"),
            ("a/inner.rs", "use crate::b::B;\nstruct A;"),
            ("b.rs", ""),
        ],
        &[],
    );
    check_circles(
        &[("a/mod.rs", "mod inner;\nstruct A;\nfn f() { inner::g(); }"), ("a/inner.rs", "use super::A;\nfn g() {}")],
        &["a/mod.rs:3: a circle of files: a/mod.rs → a/inner.rs → a/mod.rs"],
    );
}

#[test]
fn a_path_over_a_re_export_leads_to_the_file_that_defines_the_name() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\npub use a::A as Renamed;"),
        ("a.rs", "use crate::b::B;\nstruct A;"),
        ("b.rs", "use crate::Renamed;\nstruct B;"),
    ];
    check_circles(&files, &["a.rs:1: a circle of files: a.rs → b.rs → a.rs"]);
}

#[test]
fn what_only_tests_use_makes_no_circle() {
    check_circles(
        &[
            ("a.rs", "use crate::b::B;\nstruct A;\n#[cfg(test)]\nmod helpers;"),
            ("a/helpers.rs", "use crate::b::B;"),
            ("b.rs", "#[cfg(test)]\nmod tests { use crate::a::A; }\n#[cfg(test)]\nuse crate::a::helpers::H;"),
        ],
        &[],
    );
}
