//! Files of a crate depend on each other in one direction.
//!
//! A file depends on another where a path in it leads there: in a `use` item, an expression, a type or a macro's
//! arguments. A path through a re-export counts for the file that defines the name. Neither `mod` items nor `pub use`
//! are dependencies, so a `mod.rs` may list its children. Code for tests alone does not count.

use super::source::{Finding, Source};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use syn::visit::{self, Visit};

const REMEDY: &str = "put what both need into a file of its own, so that files depend in one direction";
/// Re-exports that one name is followed through.
const REEXPORTS_MAX: usize = 8;

/// A module's names, below the crate's root.
type ModulePath = Vec<String>;
/// For each file, the files that it depends on, and the line where it does so first.
type Graph = BTreeMap<usize, BTreeMap<usize, usize>>;

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut crates: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, source) in sources.iter().enumerate() {
        if let Some((root, _)) = source.path.split_once("/src/")
            && source.is_rust()
            && !source.is_for_tests()
        {
            crates.entry(root).or_default().push(index);
        }
    }
    crates.into_values().flat_map(|files| check_crate(sources, &files)).collect()
}

fn check_crate(sources: &[Source], files: &[usize]) -> Vec<Finding> {
    let parsed = files.iter().filter_map(|index| {
        let source = sources.get(*index)?;
        Some((*index, module_path(&source.path)?, syn::parse_file(&source.text).ok()?))
    });
    let parsed: Vec<(usize, ModulePath, syn::File)> = parsed.collect();
    let mut modules = Modules::default();
    for (index, path, file) in &parsed {
        modules.add(*index, path, &file.items);
    }
    let mut graph = Graph::new();
    for (index, path, file) in &parsed {
        if !modules.is_for_tests(path) {
            let mut paths = Paths { modules: &modules, module: path.clone(), found: BTreeMap::new() };
            paths.visit_file(file);
            paths.found.remove(index);
            graph.insert(*index, paths.found);
        }
    }
    circles(&graph).iter().filter_map(|circle| finding(sources, &graph, circle)).collect()
}

fn finding(sources: &[Source], graph: &Graph, circle: &[usize]) -> Option<Finding> {
    let (first, second) = (circle.first()?, circle.get(1)?);
    let line = *graph.get(first)?.get(second)?;
    let names = circle.iter().filter_map(|index| sources.get(*index)?.path.split_once("/src/"));
    let names: Vec<&str> = names.map(|(_, name)| name).collect();
    Some(sources.get(*first)?.finding(line, format!("a circle of files: {}", names.join(" → ")), REMEDY))
}

/// The module that a file below `src` is; none for programs in `src/bin`.
fn module_path(path: &str) -> Option<ModulePath> {
    let (_, name) = path.split_once("/src/")?;
    let mut names: ModulePath = name.strip_suffix(".rs")?.split('/').map(str::to_owned).collect();
    if names.first().is_some_and(|name| name == "bin") {
        return None;
    }
    let is_root = names.len() == 1 && matches!(names.last().map(String::as_str), Some("lib" | "main"));
    if is_root || names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    Some(names)
}

/// The modules of a crate, and the names that they re-export.
#[derive(Default)]
struct Modules {
    files: HashMap<ModulePath, usize>,
    for_tests: BTreeSet<ModulePath>,
    reexports: HashMap<(ModulePath, String), ModulePath>,
}

impl Modules {
    fn add(&mut self, file: usize, module: &ModulePath, items: &[syn::Item]) {
        self.files.insert(module.clone(), file);
        for item in items {
            match item {
                syn::Item::Mod(item) => {
                    let child = joined(module, &[item.ident.to_string()]);
                    if is_test_only(&item.attrs) {
                        self.for_tests.insert(child);
                    } else if let Some((_, items)) = &item.content {
                        self.add(file, &child, items);
                    }
                }
                syn::Item::Use(item) if is_reexport(item) => {
                    each_import(&item.tree, &mut Vec::new(), &mut |path, name| {
                        self.reexports.insert((module.clone(), name.to_owned()), path.to_vec());
                    });
                }
                _ => {}
            }
        }
    }

    fn is_for_tests(&self, module: &[String]) -> bool {
        (1..=module.len()).any(|len| module.get(..len).is_some_and(|path| self.for_tests.contains(path)))
    }

    /// The file that defines what `path` names when it stands in `module`; none where it leads out of the crate.
    fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Option<usize> {
        let whole = self.absolute(module, path)?;
        let known =
            (0..=whole.len()).rev().find(|len| whole.get(..*len).is_some_and(|path| self.files.contains_key(path)))?;
        let (module, rest) = whole.split_at(known);
        if let Some((name, rest)) = rest.split_first()
            && depth < REEXPORTS_MAX
            && let Some(target) = self.reexports.get(&(module.to_vec(), name.clone()))
        {
            return self.resolve(module, &joined(target, rest), depth + 1);
        }
        self.files.get(module).copied()
    }

    /// A path from the crate's root on.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some(joined(module, rest)),
            "super" => {
                let (_, mut parent) = module.split_last()?;
                let mut rest = rest;
                while let Some((_, further)) = rest.split_first().filter(|(name, _)| *name == "super") {
                    (parent, rest) = (parent.split_last()?.1, further);
                }
                Some(joined(parent, rest))
            }
            name => {
                let child = joined(module, path);
                let is_child = self.files.contains_key(child.get(..=module.len())?);
                let is_reexport = || self.reexports.contains_key(&(module.to_vec(), name.to_owned()));
                (is_child || (path.len() > 1 && is_reexport())).then_some(child)
            }
        }
    }
}

/// Collects the files that the paths of one file lead to.
struct Paths<'a> {
    modules: &'a Modules,
    module: ModulePath,
    found: BTreeMap<usize, usize>,
}

impl Paths<'_> {
    fn path(&mut self, path: &[String], line: usize) {
        if let Some(file) = self.modules.resolve(&self.module, path, 0) {
            self.found.entry(file).or_insert(line);
        }
    }

    /// Paths with at least one `::` between the tokens of a macro's arguments.
    fn tokens(&mut self, tokens: TokenStream) {
        let (mut path, mut colons, mut line) = (Vec::new(), 0, 0);
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 || path.is_empty() {
                        self.path_of_tokens(&mut path, line);
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                other => {
                    self.path_of_tokens(&mut path, line);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.path_of_tokens(&mut path, line);
    }

    fn path_of_tokens(&mut self, path: &mut Vec<String>, line: usize) {
        if path.len() > 1 {
            self.path(path, line);
        }
        path.clear();
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_reexport(item) {
            let line = item.use_token.span.start().line;
            each_import(&item.tree, &mut Vec::new(), &mut |path, _| self.path(path, line));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.len() > 1
            && let Some(first) = path.segments.first()
        {
            self.path(&names, first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.tokens(item.tokens.clone());
    }

    /// The path in `pub(in path)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn joined(module: &[String], rest: &[String]) -> ModulePath {
    module.iter().chain(rest).cloned().collect()
}

fn is_reexport(item: &syn::ItemUse) -> bool {
    !matches!(item.vis, syn::Visibility::Inherited)
}

fn is_test_only(attributes: &[syn::Attribute]) -> bool {
    let says_test = |attribute: &syn::Attribute| {
        let list = attribute.meta.require_list();
        list.is_ok_and(|list| list.tokens.clone().into_iter().next().is_some_and(|token| token.to_string() == "test"))
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test") || (attribute.path().is_ident("cfg") && says_test(attribute))
    })
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Calls `visit` with the path of each name that a `use` item imports, and the name that it gets; a glob has no name.
fn each_import(tree: &syn::UseTree, prefix: &mut ModulePath, visit: &mut impl FnMut(&[String], &str)) {
    match tree {
        syn::UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            each_import(&path.tree, prefix, visit);
            prefix.pop();
        }
        syn::UseTree::Name(name) => import(prefix, &name.ident.to_string(), None, visit),
        syn::UseTree::Rename(name) => import(prefix, &name.ident.to_string(), Some(&name.rename.to_string()), visit),
        syn::UseTree::Glob(_) => visit(prefix, ""),
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                each_import(tree, prefix, visit);
            }
        }
    }
}

fn import(prefix: &[String], name: &str, renamed: Option<&str>, visit: &mut impl FnMut(&[String], &str)) {
    let is_prefix_itself = name == "self" && !prefix.is_empty();
    let path = if is_prefix_itself { prefix.to_vec() } else { joined(prefix, &[name.to_owned()]) };
    let own = path.last().cloned().unwrap_or_default();
    visit(&path, renamed.unwrap_or(&own));
}

/// The shortest circle of each set of files that reach each other; its first file is named again at its end.
fn circles(graph: &Graph) -> Vec<Vec<usize>> {
    let mut reported: BTreeSet<usize> = BTreeSet::new();
    let mut found = Vec::new();
    for file in graph.keys() {
        if reported.contains(file) || circle_through(graph, *file).is_none() {
            continue;
        }
        let reached = reachable(graph, *file);
        let set: Vec<usize> = reached.into_iter().filter(|other| reachable(graph, *other).contains(file)).collect();
        found.extend(set.iter().filter_map(|file| circle_through(graph, *file)).min_by_key(Vec::len));
        reported.extend(set);
    }
    found
}

fn reachable(graph: &Graph, from: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        let further = graph.get(&file).into_iter().flat_map(BTreeMap::keys);
        open.extend(further.copied().filter(|next| reached.insert(*next)));
    }
    reached
}

/// The shortest way from a file back to itself.
fn circle_through(graph: &Graph, start: usize) -> Option<Vec<usize>> {
    let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(file) = open.pop_front() {
        for next in graph.get(&file)?.keys().copied() {
            if next == start {
                let mut circle = vec![start, file];
                while let Some(earlier) =
                    circle.last().filter(|file| **file != start).and_then(|file| came_from.get(file))
                {
                    circle.push(*earlier);
                }
                if file == start {
                    circle.pop();
                    circle.push(start);
                }
                circle.reverse();
                return Some(circle);
            }
            if graph.contains_key(&next) && next != start {
                came_from.entry(next).or_insert_with(|| {
                    open.push_back(next);
                    file
                });
            }
        }
    }
    None
}
