//! How long functions and files may be, and how lints are silenced.

use super::source::{Finding, Source};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

/// Lines of a function, from its signature to its last brace.
const FUNCTION_LINES_MAX: usize = 70;
/// Lines of a Rust file.
const FILE_LINES_MAX: usize = 600;
/// Lines of a program's main file, which parses arguments, builds and runs.
const MAIN_LINES_MAX: usize = 150;

const REMEDY_FUNCTION: &str = "split it; leaf functions are pure, decisions stay in the caller";
const REMEDY_FILE: &str = "split it by concern";
const REMEDY_MAIN: &str = "move what is more than arguments, config, build and run elsewhere";
const REMEDY_ALLOW: &str = "write #[expect(lint, reason = \"…\")]";
const REMEDY_SYNTAX: &str = "make it compile";

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let rust = sources.iter().filter(|source| source.is_rust());
    rust.flat_map(check_file).collect()
}

fn check_file(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = source.text.lines().count();
    let (max, remedy) =
        if is_main(&source.path) { (MAIN_LINES_MAX, REMEDY_MAIN) } else { (FILE_LINES_MAX, REMEDY_FILE) };
    if lines > max {
        let what = format!("{lines} lines, {max} are the limit");
        findings.push(source.finding(max + 1, what, remedy));
    }
    match syn::parse_file(&source.text) {
        Ok(file) => Caps { source, findings: &mut findings }.visit_file(&file),
        Err(error) => {
            let line = error.span().start().line;
            findings.push(source.finding(line, format!("no Rust: {error}"), REMEDY_SYNTAX));
        }
    }
    findings
}

fn is_main(path: &str) -> bool {
    path == "xtask/src/main.rs" || (path.starts_with("bins/") && path.ends_with("/src/main.rs"))
}

struct Caps<'a> {
    source: &'a Source,
    findings: &'a mut Vec<Finding>,
}

impl Caps<'_> {
    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let (start, end) = (signature.span().start().line, body.span().end().line);
        let lines = end + 1 - start;
        if lines > FUNCTION_LINES_MAX {
            let name = &signature.ident;
            let what = format!("{name} has {lines} lines, {FUNCTION_LINES_MAX} are the limit");
            self.findings.push(self.source.finding(start, what, REMEDY_FUNCTION));
        }
    }
}

impl<'ast> Visit<'ast> for Caps<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let conditional = attribute.path().is_ident("cfg_attr")
            && attribute
                .meta
                .require_list()
                .is_ok_and(|list| list.tokens.clone().into_iter().any(|token| token.to_string() == "allow"));
        if conditional || attribute.path().is_ident("allow") {
            let line = attribute.span().start().line;
            self.findings.push(self.source.finding(line, "a lint is allowed", REMEDY_ALLOW));
        }
    }
}
