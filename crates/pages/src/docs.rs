//! The documentation as pages: the files in `docs/` of the repository, which its tests check, written as HTML.

use crate::markup::Markup;
use crate::site::Site;
use minijinja::HtmlEscape;
use pulldown_cmark::{CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A page that is listed: its name in the URL, and its file.
type File = (&'static str, &'static str);
/// The pages that are listed together, under the key of their title in the words.
type Section = (&'static str, &'static [File]);

macro_rules! doc {
    ($slug:literal, $name:literal) => {
        ($slug, include_str!(concat!("../../../docs/", $name, ".md")))
    };
}

/// All pages, in their order.
const SECTIONS: [Section; 4] = [
    (
        "start",
        &[doc!("clients", "clients"), doc!("api", "api"), doc!("test-mode", "test-mode"), doc!("sandbox", "sandbox")],
    ),
    (
        "money",
        &[doc!("pricing", "pricing"), doc!("limits", "limits"), doc!("usage", "usage"), doc!("payments", "payments")],
    ),
    (
        "how",
        &[
            doc!("routing", "routing"),
            doc!("translation", "translation"),
            doc!("apps", "apps"),
            doc!("browser-sdk", "browser-sdk"),
            doc!("partners", "partners"),
            doc!("privacy", "privacy"),
            doc!("identity", "identity"),
        ],
    ),
    (
        "operate",
        &[
            doc!("first-hour", "first-hour"),
            doc!("install", "install"),
            doc!("tls", "tls"),
            doc!("stripe-setup", "stripe-setup"),
            doc!("mail-setup", "mail-setup"),
            doc!("operations", "OPERATIONS"),
            doc!("admin", "admin"),
            doc!("providers", "providers"),
            doc!("email", "email"),
            doc!("metrics", "metrics"),
            doc!("logs", "logs"),
            doc!("jobs", "jobs"),
            doc!("backup", "backup"),
            doc!("upgrade", "upgrade"),
            doc!("scaling", "scaling"),
            doc!("encryption", "encryption"),
            doc!("accounts", "accounts"),
            doc!("ledger", "ledger"),
            doc!("operator-pages", "operator-pages"),
            doc!("pages", "pages"),
            doc!("embedding", "embedding"),
            doc!("architecture", "ARCHITECTURE"),
        ],
    ),
];
/// The page of quick starts.
pub(crate) const START: &str = "clients";
/// What stands for the address of the service in the files.
const ADDRESSES: [&str; 2] = ["$URL", "http://127.0.0.1:8787"];
/// A code in a cell of a table of quick starts can be copied where it is a call.
const CALL: char = '(';

/// A page in a list.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Its name in the URL.
    pub slug: &'static str,
    /// Its title.
    pub title: String,
}

/// Pages that are listed together.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    /// The key of their title in the words.
    pub kind: &'static str,
    /// The pages.
    pub pages: Vec<Listed>,
}

/// A heading of a page.
#[derive(Debug, Clone, Serialize)]
pub struct Heading {
    /// Its place in the page.
    pub id: String,
    /// Its text.
    pub title: String,
}

/// A page as HTML.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) title: String,
    pub(crate) headings: Vec<Heading>,
    pub(crate) body: Markup,
}

/// All pages; each is written when it is first asked for.
pub(crate) struct Docs {
    pages: BTreeMap<&'static str, (&'static str, OnceLock<Written>)>,
}

impl Docs {
    pub(crate) fn new() -> Self {
        let files = SECTIONS.iter().flat_map(|(_, files)| files.iter());
        Self { pages: files.map(|(slug, text)| (*slug, (*text, OnceLock::new()))).collect() }
    }

    /// The pages in their groups.
    pub(crate) fn groups() -> Vec<Group> {
        let listed = |(slug, text): &File| Listed { slug, title: title(text).to_owned() };
        let group = |(kind, files): &Section| Group { kind, pages: files.iter().map(listed).collect() };
        SECTIONS.iter().map(group).collect()
    }

    /// The file of a page.
    pub(crate) fn source(&self, slug: &str) -> Option<&'static str> {
        self.pages.get(slug).map(|(text, _)| *text)
    }

    /// A page.
    pub(crate) fn page(&self, slug: &str, site: &Site) -> Option<&Written> {
        let (slug, (text, written)) = self.pages.get_key_value(slug)?;
        Some(written.get_or_init(|| write(text, &site.url, *slug == START)))
    }
}

fn title(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_start_matches('#').trim()
}

/// Writes a file as HTML without its title.
fn write(text: &str, url: &str, copies_cells: bool) -> Written {
    let body = text.split_once('\n').map_or("", |(_, body)| body);
    let parser = Parser::new_ext(body, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let mut writer = Writer { url, copies_cells, ..Writer::default() };
    let mut events: Vec<Event<'_>> = Vec::new();
    for event in parser {
        writer.take(event, &mut events);
    }
    let mut html = String::with_capacity(body.len().saturating_mul(2));
    html::push_html(&mut html, events.into_iter());
    Written { title: title(text).to_owned(), headings: writer.headings, body: Markup::own(html) }
}

/// Changes events on their way to HTML.
#[derive(Default)]
struct Writer<'a> {
    url: &'a str,
    copies_cells: bool,
    headings: Vec<Heading>,
    /// The heading that is being read: its level, and where its events begin.
    heading: Option<(HeadingLevel, usize, String)>,
    /// The code that is being read.
    code: Option<String>,
    is_in_cell: bool,
    is_in_head: bool,
    /// The heads of the columns of the table that is being read.
    columns: Vec<String>,
    /// The column of the cell that comes next.
    column: usize,
    codes: usize,
}

impl Writer<'_> {
    fn take<'e>(&mut self, event: Event<'e>, events: &mut Vec<Event<'e>>) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => self.heading = Some((level, events.len(), String::new())),
            Event::End(TagEnd::Heading(_)) => self.end_heading(events),
            Event::Start(Tag::CodeBlock(kind)) => {
                // An indented block is code too.
                let (CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) = kind;
                self.code = Some(String::new());
            }
            Event::End(TagEnd::CodeBlock) => {
                let code = self.code.take().unwrap_or_default();
                let code = ADDRESSES.iter().fold(code, |code, address| code.replace(address, self.url));
                events.push(Event::Html(self.block(&code).into()));
            }
            Event::Text(text) if self.code.is_some() => {
                if let Some(code) = &mut self.code {
                    code.push_str(&text);
                }
            }
            Event::Start(Tag::Table(columns)) => {
                events.push(Event::Html("<div class=\"scroll\" tabindex=\"0\">".into()));
                events.push(Event::Start(Tag::Table(columns)));
            }
            Event::End(TagEnd::Table) => {
                events.push(Event::End(TagEnd::Table));
                events.push(Event::Html("</div>".into()));
            }
            Event::Start(Tag::TableHead | Tag::TableRow | Tag::TableCell)
            | Event::End(TagEnd::TableHead | TagEnd::TableCell) => {
                events.push(self.in_table(event));
            }
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let dest_url = CowStr::from(target(&dest_url));
                events.push(Event::Start(Tag::Link { link_type, dest_url, title, id }));
            }
            // Our files have no HTML; what looks like it is text.
            Event::Html(text) | Event::InlineHtml(text) => events.push(Event::Text(text)),
            Event::Code(code) => {
                self.note(&code);
                let copies = self.copies_cells && self.is_in_cell && code.contains(CALL);
                events.push(if copies { Event::Html(self.block(&code).into()) } else { Event::Code(code) });
            }
            Event::Text(text) => {
                self.note(&text);
                let text = self.shown(text);
                if !text.is_empty() {
                    events.push(Event::Text(text));
                }
            }
            other => events.push(other),
        }
    }

    /// Keeps the place in a table. A cell names its column, which stands before it where a row is shown as a list.
    fn in_table<'e>(&mut self, event: Event<'e>) -> Event<'e> {
        match &event {
            Event::Start(Tag::TableHead) => (self.is_in_head, self.columns) = (true, Vec::new()),
            Event::End(TagEnd::TableHead) => self.is_in_head = false,
            Event::Start(Tag::TableRow) => self.column = 0,
            Event::End(TagEnd::TableCell) => self.is_in_cell = false,
            _ => {
                self.is_in_cell = true;
                if self.is_in_head {
                    self.columns.push(String::new());
                    return event;
                }
                let name = self.columns.get(self.column).map_or("", String::as_str);
                self.column = self.column.saturating_add(1);
                return Event::Html(format!("<td data-label=\"{}\">", HtmlEscape(name)).into());
            }
        }
        event
    }

    /// A text as it is shown: the name of a file is the title of its page, and what separates codes in a cell is left out
    /// where these stand below each other.
    fn shown<'e>(&self, text: CowStr<'e>) -> CowStr<'e> {
        if let Some(title) = title_of(&text) {
            return title.into();
        }
        match self.copies_cells && self.is_in_cell {
            true => CowStr::from(text.trim_start_matches([',', ';', ' ']).to_owned()),
            false => text,
        }
    }

    /// Text of a heading, or of the head of a column, that is being read.
    fn note(&mut self, text: &str) {
        if let Some(name) = self.columns.last_mut().filter(|_| self.is_in_head) {
            name.push_str(text);
        }
        if let Some((_, _, heading)) = &mut self.heading {
            heading.push_str(text);
        }
    }

    fn end_heading(&mut self, events: &mut Vec<Event<'_>>) {
        let Some((level, start, title)) = self.heading.take() else {
            return;
        };
        let id = slug(&title);
        events.insert(start, Event::Html(format!("<{level} id=\"{}\">", HtmlEscape(&id)).into()));
        events.push(Event::Html(format!("</{level}>\n").into()));
        if level == HeadingLevel::H2 {
            self.headings.push(Heading { id, title });
        }
    }

    /// A code with its button, as the macro `copied` of the templates writes it. The script names the button.
    fn block(&mut self, code: &str) -> String {
        self.codes = self.codes.saturating_add(1);
        let (id, code) = (self.codes, HtmlEscape(code.trim_end()));
        format!(
            "<div class=\"snippet\"><pre tabindex=\"0\"><code id=\"code-{id}\">{code}</code></pre>\
             <button type=\"button\" class=\"copy\" data-copy=\"#code-{id}\" hidden></button></div>"
        )
    }
}

/// The id of a heading, as GitHub makes it.
fn slug(title: &str) -> String {
    let letters = title.trim().chars().flat_map(char::to_lowercase);
    let kept = letters.filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

/// The title of the page whose file has this name.
fn title_of(name: &str) -> Option<&'static str> {
    let slug = name.strip_suffix(".md")?.to_lowercase();
    let mut files = SECTIONS.iter().flat_map(|(_, files)| files.iter());
    files.find(|(known, _)| *known == slug).map(|(_, text)| title(text))
}

/// Where a link of a file leads on the site: to the page of another file, else where it says.
fn target(url: &str) -> String {
    if url.starts_with('#') || url.contains("://") {
        return url.to_owned();
    }
    let (path, place) = url.split_once('#').map_or((url, None), |(path, place)| (path, Some(place)));
    let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".md").to_lowercase();
    let is_page = SECTIONS.iter().flat_map(|(_, files)| files.iter()).any(|(slug, _)| *slug == name);
    let place = place.map(|place| format!("#{place}")).unwrap_or_default();
    if is_page { format!("/docs/{name}{place}") } else { "/docs".to_owned() }
}
