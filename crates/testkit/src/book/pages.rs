//! The pages of the book, and their fenced blocks.

use super::shell;
use std::fs;
use std::path::{Path, PathBuf};

/// What a fence is opened and closed with.
const FENCE: &str = "```";
/// The second word of a fence whose snippet no test runs: a reader runs it, or reads it.
pub const SHOWN_ONLY: &str = "example";
/// What comes before a command in a snippet that also shows what is printed.
const PROMPT: &str = "$ ";

/// A Markdown file of the book.
#[derive(Debug, Clone)]
pub struct Page {
    /// Relative to the workspace, with forward slashes.
    pub path: String,
    /// The whole file.
    pub text: String,
}

/// A fenced block of a page.
#[derive(Debug, Clone)]
pub struct Snippet {
    /// The path of its page.
    pub page: String,
    /// The line of its opening fence, from 1.
    pub line: usize,
    /// What stands after the opening fence, such as `sh example`.
    pub info: String,
    /// The lines between the fences, without the indentation of the fence.
    pub text: String,
}

/// README.md and every page below `docs/`, by path.
#[must_use]
pub fn pages() -> Vec<Page> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = vec![root.join("README.md")];
    collect(&root.join("docs"), &mut files);
    files.sort();
    let page = |file: PathBuf| {
        let path = file.strip_prefix(&root).expect("every file is below the root").display().to_string();
        Page { text: fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}")), path }
    };
    files.into_iter().map(page).collect()
}

/// The fenced blocks of all pages.
#[must_use]
pub fn snippets() -> Vec<Snippet> {
    pages().iter().flat_map(Page::snippets).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder of the book can be read") {
        let path = entry.expect("the folder of the book can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            files.push(path);
        }
    }
}

impl Page {
    /// Its fenced blocks.
    ///
    /// # Panics
    /// Where a fence is not closed.
    #[must_use]
    pub fn snippets(&self) -> Vec<Snippet> {
        let mut snippets = Vec::new();
        let mut open: Option<(Snippet, usize)> = None;
        for (index, line) in self.text.lines().enumerate() {
            let indentation = line.len() - line.trim_start().len();
            let fence = line.trim_start().strip_prefix(FENCE);
            match (&mut open, fence) {
                (None, Some(info)) => {
                    let info = info.trim().to_owned();
                    let snippet = Snippet { page: self.path.clone(), line: index + 1, info, text: String::new() };
                    open = Some((snippet, indentation));
                }
                (Some(_), Some("")) => snippets.extend(open.take().map(|(snippet, _)| snippet)),
                (Some((snippet, indentation)), _) => {
                    snippet.text.push_str(line.get(*indentation..).unwrap_or_default());
                    snippet.text.push('\n');
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a fence is not closed", self.path);
        snippets
    }
}

impl Snippet {
    /// The first word of the fence; empty where there is none.
    #[must_use]
    pub fn language(&self) -> &str {
        self.info.split_whitespace().next().unwrap_or_default()
    }

    /// Whether its fence says that no test runs it.
    #[must_use]
    pub fn is_shown_only(&self) -> bool {
        self.info.split_whitespace().nth(1) == Some(SHOWN_ONLY)
    }

    /// Where it is: `page:line`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }

    /// The calls of a program in a snippet of a shell: the arguments of each.
    #[must_use]
    pub fn calls(&self, program: &str) -> Vec<Vec<String>> {
        let typed = || self.text.lines().filter_map(|line| line.strip_prefix(PROMPT));
        match self.language() {
            "sh" => shell::calls(&self.text, program),
            "" | "text" | "console" => shell::calls(&typed().collect::<Vec<_>>().join("\n"), program),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_its_fence_its_line_and_its_text_without_indentation() {
        let text = "1. One:\n\n   ```sh example\n   a \\\n     b\n   ```\n\n```\nplain\n```\n".to_owned();
        let found = Page { path: "docs/a.md".to_owned(), text }.snippets();
        let parts: Vec<_> =
            found.iter().map(|one| (one.place(), one.language(), one.is_shown_only(), &*one.text)).collect();
        let sh = ("docs/a.md:3".to_owned(), "sh", true, "a \\\n  b\n");
        assert_eq!(parts, [sh, ("docs/a.md:8".to_owned(), "", false, "plain\n")]);
    }

    #[test]
    fn the_book_has_its_pages() {
        let pages = pages();
        for path in ["README.md", "docs/ARCHITECTURE.md", "docs/runbooks/down.md"] {
            assert!(pages.iter().any(|page| page.path == path), "{path}");
        }
        assert!(snippets().len() > 80);
    }
}
