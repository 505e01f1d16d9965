//! `docs/clients.md` says what the scripts of the run do.

use crate::workspace;
use std::fs;
use std::path::Path;

/// Constructor and address stand so close to each other.
const NEAR_BYTES: usize = 160;

/// The scripts as one text, with the names that the page has for the gateway's address and the key.
fn scripts() -> String {
    let tests = workspace::root().join("tests/e2e");
    let mut all = String::new();
    for folder in ["python", "node"] {
        for entry in fs::read_dir(tests.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "py" || ending == "mjs") {
                all.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    let all = all.replace("BASE_URL}/v1", "http://127.0.0.1:8787/v1").replace("{http", "http");
    let all = all.replace("`${baseUrl}/v1`", "URL + \"/v1\"").replace("baseUrl", "URL").replace(": url", ": URL");
    let all = all.replace("=BASE_URL", "=URL").replace(": BASE_URL", ": URL");
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn page() -> String {
    fs::read_to_string(Path::new(&workspace::root()).join("docs/clients.md")).unwrap()
}

/// The address that a call is given, such as `base_url=URL`.
fn address(call: &str) -> Option<&str> {
    let at = ["base_url=", "baseURL: ", "api_base="].iter().find_map(|name| call.find(name))?;
    let rest = &call[at..];
    Some(rest[..rest.find([',', ')', '}']).unwrap_or(rest.len())].trim())
}

/// What chooses the API where the name of the model does, such as `model="gemini/`.
fn api(call: &str) -> &str {
    call.find("model=\"").and_then(|at| call[at..].split_once('…')).map_or("", |(chosen, _)| chosen)
}

/// What is called where the text ends: the word before the last open parenthesis.
fn called(text: &str) -> &str {
    let before = text.rsplit_once('(').map_or("", |(before, _)| before);
    let name = before.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    name.strip_prefix("Async").unwrap_or(name)
}

#[test]
fn every_call_on_the_page_is_made_by_a_script() {
    let (page, scripts) = (page(), scripts());
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let mut checked = 0;
    for code in rows.flat_map(|row| row.split('`').skip(1).step_by(2)) {
        checked += 1;
        let Some(address) = address(code) else {
            assert!(scripts.contains(code), "no script has {code}");
            continue;
        };
        let name = called(&code[..code.find(address).unwrap()]);
        let call = format!("{name}(");
        let calls = scripts.match_indices(call.as_str()).map(|(at, _)| &scripts[at..]);
        let mut near = calls.map(|call| call.chars().take(NEAR_BYTES).collect::<String>());
        let is_same = |call: String| self::address(&call) == Some(address) && call.contains(api(code));
        assert!(near.any(is_same), "no script calls {name} with {address}");
    }
    assert!(checked > 11, "{checked} calls on the page");
}

#[test]
fn every_client_that_is_given_the_address_stands_on_the_page() {
    let (page, scripts) = (page(), scripts());
    for place in ["base_url=URL", "baseURL: URL", "api_base=URL"] {
        for (at, _) in scripts.match_indices(place) {
            let name = called(&scripts[..at]);
            assert!(page.contains(&format!("{name}(")), "{name} is not on the page");
        }
    }
}

#[test]
fn the_lines_for_programs_are_those_that_they_are_run_with() {
    let (page, scripts) = (page(), scripts());
    let (mut variables, mut settings) = (0, 0);
    for block in page.split("```").skip(1).step_by(2) {
        let (kind, lines) = block.split_once('\n').unwrap();
        for line in lines.lines().filter(|line| !line.is_empty()) {
            if kind == "toml codex" {
                let line = if line.starts_with("model =") { "model =" } else { line };
                assert!(scripts.contains(line), "no script has {line}");
                settings += 1;
            }
            for (name, value) in line
                .strip_prefix("export ")
                .into_iter()
                .flat_map(|all| all.split(' '))
                .filter_map(|one| one.split_once("=$"))
            {
                assert!(scripts.contains(&format!("\"{name}\": {value}")), "no script sets {name} to {value}");
                variables += 1;
            }
        }
    }
    assert!(variables >= 4 && settings >= 7, "{variables} variables and {settings} settings on the page");
}
