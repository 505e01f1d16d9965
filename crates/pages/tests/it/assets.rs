//! The assets: their names, their sizes, and what they may not contain.

use opencredits_pages::{Pages, Site};

/// The most that base.css may weigh, uncompressed.
const BASE_CSS_BYTES_MAX: usize = 12_288;
/// Ways of a script to make markup of a text, or a script of it.
const MARKUP: [&str; 9] = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "setHTMLUnsafe",
    "createContextualFragment",
    "srcdoc",
    "document.write",
    "eval(",
    "Function(",
];
/// The script that apps load. It stands in their pages.
const SDK: &str = include_str!("../../../../sdk/src/opencredits.js");
/// The most that a page's own scripts and styles may weigh together, compressed.
const ASSETS_BYTES_MAX: usize = 60_000;

#[test]
fn an_asset_is_found_by_both_of_its_names() {
    let pages = Pages::new(Site::sample()).unwrap();
    for name in pages.assets().names() {
        let url = pages.assets().url(name).unwrap();
        let hashed = url.strip_prefix("/assets/").unwrap();
        assert_ne!(hashed, name);
        let (asset, is_hashed) = pages.assets().find(hashed).unwrap();
        let (same, is_plain) = pages.assets().find(name).map(|(asset, hashed)| (asset, !hashed)).unwrap();
        assert!(is_hashed && is_plain && asset.packed.digest == same.packed.digest, "{name}");
    }
    assert!(pages.assets().find("../src/lib.rs").is_none());
    assert!(pages.assets().url("nothing.css").is_none());
}

#[test]
fn a_script_imports_others_by_their_hashed_names() {
    let pages = Pages::new(Site::sample()).unwrap();
    let (app, _) = pages.assets().find("app.js").unwrap();
    let text = String::from_utf8(app.packed.plain.to_vec()).unwrap();
    let session = pages.assets().url("session.js").unwrap().strip_prefix("/assets/").unwrap();
    assert!(text.contains(&format!("from \"./{session}\"")), "{session}");
    assert!(!text.contains("\"./session.js\""));
}

#[test]
fn the_assets_are_small() {
    let pages = Pages::new(Site::sample()).unwrap();
    let (css, _) = pages.assets().find("base.css").unwrap();
    assert!(css.packed.plain.len() < BASE_CSS_BYTES_MAX, "base.css has {} bytes", css.packed.plain.len());
    let packed = |name: &str| {
        let (asset, _) = pages.assets().find(name).unwrap();
        asset.packed.gzip().map_or(asset.packed.plain.len(), bytes::Bytes::len)
    };
    let all: usize = pages.assets().names().map(packed).sum();
    assert!(all < ASSETS_BYTES_MAX, "the assets have {all} bytes compressed");
}

#[test]
fn promise_09_no_asset_names_another_host() {
    let pages = Pages::new(Site::sample()).unwrap();
    for name in pages.assets().names() {
        let (asset, _) = pages.assets().find(name).unwrap();
        let text = String::from_utf8_lossy(&asset.packed.plain).replace("http://www.w3.org/2000/svg", "");
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("//cdn"), "{name}");
    }
}

#[test]
fn no_script_makes_markup_of_a_text() {
    let pages = Pages::new(Site::sample()).unwrap();
    let text = |name| String::from_utf8(pages.assets().find(name).unwrap().0.packed.plain.to_vec()).unwrap();
    let scripts = pages.assets().names().filter(|name| name.ends_with(".js")).map(|name| (name, text(name)));
    for (name, script) in scripts.chain([("the SDK", SDK.to_owned())]) {
        for way in MARKUP {
            assert!(!script.contains(way), "{name} has {way}: make elements, and set their textContent");
        }
    }
}
