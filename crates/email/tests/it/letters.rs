//! What the mails say.

use crate::fixtures::{envelope, letters, site, usd};
use opencredits_email::{
    Console, LETTER_KINDS, Label, Letter, LimitLevel, LimitReached, Mailer, Message, Receipt, Refund, Templates,
};
use opencredits_units::NanoUsd;
use proptest::prelude::*;
use std::sync::LazyLock;

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| Templates::new().unwrap());

fn render(letter: &Letter) -> Message {
    TEMPLATES.render(letter, &site(), envelope("ada@example.org", "mail_1")).unwrap()
}

#[test]
fn every_letter_reads_as_approved() {
    let all: Vec<String> = letters()
        .iter()
        .map(|letter| {
            let message = render(letter);
            format!("Subject: {}\n\n{}", message.subject, message.text)
        })
        .collect();
    insta::assert_snapshot!("texts", all.join("\n====\n\n"));
    insta::assert_snapshot!("html", render(&letters()[1]).html);
}

#[test]
fn every_kind_has_a_letter_that_survives_being_kept() {
    for letter in letters() {
        assert!(LETTER_KINDS.contains(&letter.kind()));
        let kept = serde_json::to_value(&letter).unwrap();
        assert_eq!(kept["kind"], letter.kind());
        assert_eq!(serde_json::from_value::<Letter>(kept).unwrap(), letter);
    }
    for kind in LETTER_KINDS {
        assert!(letters().iter().any(|letter| letter.kind() == kind), "{kind}");
    }
}

/// The words of a mail in HTML, without its head, its tags and its links.
fn words_of_html(html: &str) -> Vec<String> {
    let (_, body) = html.split_once("<body").unwrap();
    let mut out = String::new();
    let mut is_in_tag = true;
    for c in body.chars() {
        match c {
            '<' => is_in_tag = true,
            '>' => {
                is_in_tag = false;
                out.push(' ');
            }
            c if !is_in_tag => out.push(c),
            _ => {}
        }
    }
    let out = out.replace("&quot;", "\"").replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">");
    out.replace("&#x2f;", "/").replace("&amp;", "&").split_whitespace().map(str::to_owned).collect()
}

/// The words of a mail as text, without what stands for the tags.
fn words_of_text(text: &str) -> Vec<String> {
    let words = text.split_whitespace().filter(|word| *word != "--" && !word.starts_with("https://"));
    words.map(str::to_owned).collect()
}

#[test]
fn text_and_html_have_the_same_words() {
    for letter in letters() {
        let message = render(&letter);
        let strip = |words: Vec<String>| words.into_iter().map(|word| word.trim_end_matches(':').to_owned());
        let (text, html): (Vec<_>, Vec<_>) =
            (strip(words_of_text(&message.text)).collect(), strip(words_of_html(&message.html)).collect());
        assert_eq!(text, html, "{}", letter.kind());
    }
}

/// The number of hundredths of credits and of cents in a line of a mail that has this name.
fn figures(text: &str, name: &str) -> (u64, u64) {
    let found = text.lines().find_map(|line| line.trim().strip_prefix(name));
    assert!(found.is_some(), "{name}: {text}");
    let line = found.unwrap();
    let line = line.trim_start_matches(':').trim();
    let (credits, rest) = line.split_once(" credit").unwrap();
    let (_, dollars) = rest.split_once('$').unwrap();
    (hundredths(credits), hundredths(dollars.trim_end_matches(')')))
}

fn hundredths(number: &str) -> u64 {
    let plain = number.replace(',', "");
    let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
    format!("{whole}{part:0<2}").parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn the_lines_of_a_mail_add_up_to_the_hundredth(first in 1_i64..30_000_000_000, second in 1_i64..30_000_000_000) {
        let all = letters();
        let Letter::Receipt(receipt) = all[1].clone() else { panic!("the second letter is a receipt with a bonus") };
        let receipt = Receipt { credits: NanoUsd::new(first), bonus: NanoUsd::new(second), ..receipt };
        let text = render(&Letter::Receipt(receipt)).text;
        let (bought, bonus) = (figures(&text, "Credits"), figures(&text, "Bonus"));
        let (_, total) = text.split_once("You bought ").unwrap();
        let (total, _) = total.split_once(" credits").unwrap();
        prop_assert_eq!(bought.0 + bonus.0, hundredths(total), "{}", text);
        prop_assert_eq!(bought.1 + bonus.1, u64::try_from((first + second) / 10_000_000).unwrap(), "{}", text);

        let Letter::Refund(refund) = all.last().unwrap().clone() else { panic!("the last letter is a refund") };
        let refund = Refund { credits: NanoUsd::new(first), debt: NanoUsd::new(second), ..refund };
        let text = render(&Letter::Refund(refund)).text;
        let (taken, missing) = (figures(&text, "Taken from your balance"), figures(&text, "Still missing"));
        let sum = u64::try_from((first + second + 99_999) / 100_000).unwrap();
        prop_assert_eq!(taken.0 + missing.0, sum, "{}", text);
    }
}

#[test]
fn a_limit_that_is_spent_exactly_is_not_shown_as_exceeded() {
    let limit = NanoUsd::new(3_333_333_333);
    let letter = LimitReached { key: "laptop".into(), level: LimitLevel::All, limit, spent: limit };
    let text = render(&Letter::LimitReached(letter)).text;
    assert_eq!(figures(&text, "Limit"), figures(&text, "Spent"), "{text}");
}

#[test]
fn a_mail_has_one_link_and_no_picture() {
    for letter in letters() {
        let message = render(&letter);
        assert_eq!(message.text.matches("https://").count(), 1, "{}", message.text);
        assert_eq!(message.html.matches("href=").count(), 1, "{}", message.html);
        for absent in ["<img", "<script", "<link", "url(", "http://"] {
            assert!(!message.html.contains(absent), "{absent}");
        }
    }
}

#[test]
fn debug_shows_neither_address_nor_text() {
    let shown = format!("{:?}", render(&letters()[0]));
    assert!(shown.contains("mail_1@acme.example"), "{shown}");
    for absent in ["ada", "bought", "order"] {
        assert!(!shown.contains(absent), "{shown}");
    }
}

fn of_key(name: &str) -> Letter {
    let key = Label::from(name);
    Letter::LimitReached(LimitReached { key, level: LimitLevel::Most, limit: usd(500), spent: usd(401) })
}

#[test]
fn a_name_is_never_markup_and_never_a_header() {
    let message = render(&of_key("<a href=\"https://evil.example\">x</a>\r\nBcc: eve@example.org {{ site.url }}"));
    assert!(message.html.contains("&lt;a href=&quot;"), "{}", message.html);
    assert_eq!(message.html.matches("<a ").count(), 1, "only our own link");
    assert!(message.text.contains("{{ site.url }}"), "a name is no template");
    assert_eq!(message.subject.lines().count(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_name_gives_one_subject_line_and_escaped_html(name in any::<String>()) {
        let message = render(&of_key(&name));
        let plain = render(&of_key("plain"));
        prop_assert!(!message.subject.contains(['\r', '\n']));
        prop_assert_eq!(message.html.matches('<').count(), plain.html.matches('<').count());
        prop_assert_eq!(message.html.matches('>').count(), plain.html.matches('>').count());
    }
}

#[tokio::test]
async fn the_console_writes_a_mail_in_one_piece() {
    let mut out = Vec::new();
    Console::new(&mut out).send(&render(&letters()[2])).await.unwrap();
    let written = String::from_utf8(out).unwrap();
    let head = "From: Acme Credits <mail@acme.example>\nTo: ada@example.org\nSubject: Your balance is 180 credits\n";
    assert!(written.starts_with(head), "{written}");
    assert!(written.contains("Message-ID: <mail_1@acme.example>\n\n"), "{written}");
}

#[test]
fn a_mail_with_a_secret_says_the_same_in_both_forms_and_shows_nothing_of_itself() {
    use opencredits_email::{CodePurpose, SecretLetter};
    let code = |purpose| SecretLetter::Code { code: "042917".to_owned(), purpose };
    let url = "https://acme.example/sign-in/link#canary_".to_owned();
    let letters = [code(CodePurpose::SignIn), code(CodePurpose::Deletion), SecretLetter::Link { url }];
    let mut all = Vec::new();
    for letter in &letters {
        let message = TEMPLATES.render_secret(letter, &site(), envelope("ada@example.org", "mail_1")).unwrap();
        assert!(message.text.contains("042 917") || message.text.contains("#canary_"), "{}", message.text);
        assert!(message.html.contains("042 917") || message.html.contains("#canary_"), "{}", message.html);
        let shown = format!("{letter:?} {message:?} {}", message.subject);
        assert!(!shown.contains("042") && !shown.contains("canary"), "{shown}");
        all.push(format!("Subject: {}\n\n{}", message.subject, message.text));
    }
    insta::assert_snapshot!("secrets", all.join("\n====\n\n"));
}
