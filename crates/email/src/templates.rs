//! Writes letters as messages.
//!
//! Each letter has one template, which is rendered twice: with the parts for text, and with those for HTML, where values
//! are escaped. So both have the same words.

use crate::error::MailError;
use crate::letter::{
    AlarmLetter, AlarmNews, DeletionScheduled, Letter, LimitLevel, LimitReached, LimitedParty, LowBalance,
    PolicyChanged, Receipt, Refund, TopUp, TopUpFailed, TopUpFault,
};
use crate::message::{Envelope, Message};
use crate::money::{Rounding, Shown, both, credits};
use crate::secret_letter::SecretLetter;
use jiff::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use opencredits_units::{CreditPrice, NanoUsd, UnixMs};

/// The templates by name, and the source of each.
const SOURCES: [(&str, &str); 8] = [
    ("receipt", include_str!("../templates/receipt.jinja")),
    ("low_balance", include_str!("../templates/low_balance.jinja")),
    ("limit_reached", include_str!("../templates/limit_reached.jinja")),
    ("top_up_failed", include_str!("../templates/top_up_failed.jinja")),
    ("refund", include_str!("../templates/refund.jinja")),
    ("deletion_scheduled", include_str!("../templates/deletion_scheduled.jinja")),
    ("policy_changed", include_str!("../templates/policy_changed.jinja")),
    ("alarm", include_str!("../templates/alarm.jinja")),
];
/// The same for letters that carry a secret.
const SECRET_SOURCES: [(&str, &str); 2] = [
    ("secret_code", include_str!("../templates/secret_code.jinja")),
    ("secret_link", include_str!("../templates/secret_link.jinja")),
];
/// What the templates are made of, once for each form.
const PARTS: [(&str, &str); 3] = [
    ("parts.txt", include_str!("../templates/parts.txt.jinja")),
    ("parts.html", include_str!("../templates/parts.html.jinja")),
    ("page.html", include_str!("../templates/page.html.jinja")),
];

/// The service that sends a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its name for people.
    pub name: String,
    /// Its URL for people, without a slash at the end.
    pub url: String,
    /// What a credit costs.
    pub credit_price: CreditPrice,
}

/// The links of a letter that are secrets of its recipient.
#[derive(Debug, Clone, Copy, Default)]
pub struct Links<'a> {
    /// Does what the letter is about, in place of one to the account's page.
    pub action_url: Option<&'a str>,
    /// Ends mails like it.
    pub unsubscribe_url: Option<&'a str>,
}

/// The templates of all letters, which are compiled in.
pub struct Templates {
    environment: Environment<'static>,
}

#[derive(Clone, Copy)]
enum Form {
    Text,
    Html,
}

impl Form {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Html => "html",
        }
    }
}

impl Templates {
    /// Parses the templates.
    ///
    /// # Errors
    /// When a template is malformed, which a test rules out.
    pub fn new() -> Result<Self, MailError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.set_auto_escape_callback(
            |name| {
                if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
            },
        );
        for (name, source) in PARTS {
            environment.add_template(name, source)?;
        }
        for (name, source) in SOURCES.into_iter().chain(SECRET_SOURCES) {
            for form in [Form::Text, Form::Html] {
                environment.add_template_owned(format!("{name}.{}", form.suffix()), source)?;
            }
        }
        Ok(Self { environment })
    }

    /// Writes a letter of a site as a message.
    ///
    /// # Errors
    /// When a template cannot be rendered.
    pub fn render(&self, letter: &Letter, site: &Site, envelope: Envelope) -> Result<Message, MailError> {
        self.render_linked(letter, site, envelope, Links::default())
    }

    /// The same with links of the recipient. The message is a secret then.
    ///
    /// # Errors
    /// When a template cannot be rendered.
    pub fn render_linked(
        &self,
        letter: &Letter,
        site: &Site,
        envelope: Envelope,
        links: Links<'_>,
    ) -> Result<Message, MailError> {
        let account = format!("{}/dashboard/account", site.url);
        let figures = context! {
            action_url => links.action_url.unwrap_or(&account),
            unsubscribe_url => links.unsubscribe_url,
            ..figures(letter, site.credit_price)
        };
        let message = self.message((letter.kind(), &figures), site, envelope)?;
        Ok(Message { unsubscribe_url: links.unsubscribe_url.map(str::to_owned), ..message })
    }

    /// Writes a letter that carries a secret as a message, which is a secret too: send it and keep it nowhere.
    ///
    /// # Errors
    /// When a template cannot be rendered.
    pub fn render_secret(&self, letter: &SecretLetter, site: &Site, envelope: Envelope) -> Result<Message, MailError> {
        self.message((letter.template(), &letter.figures()), site, envelope)
    }

    fn message(&self, letter: (&str, &Value), site: &Site, envelope: Envelope) -> Result<Message, MailError> {
        let (text, subject) = self.written(letter, site, Form::Text)?;
        let (body, _) = self.written(letter, site, Form::Html)?;
        let page = context! { subject => subject.as_str(), body => Value::from_safe_string(body) };
        let html = self.environment.get_template("page.html")?.render(page)?;
        Ok(Message { envelope, subject, text: without_gaps(&text), html, unsubscribe_url: None })
    }

    /// The body of a letter in one form, and its subject.
    fn written(&self, (kind, figures): (&str, &Value), site: &Site, form: Form) -> Result<(String, String), MailError> {
        let suffix = form.suffix();
        let template = self.environment.get_template(&format!("{kind}.{suffix}"))?;
        let context = context! {
            parts => format!("parts.{suffix}"),
            site => context! { name => site.name.as_str(), url => site.url.as_str() },
            ..figures.clone()
        };
        let written = template.render_captured(context)?;
        let subject = written.state().lookup("subject").map(|value| value.to_string()).unwrap_or_default();
        Ok((written.into_output(), subject.trim().to_owned()))
    }
}

/// A text without spaces at its ends, and with one empty line where there were more.
fn without_gaps(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0_u32;
    for line in text.trim().lines().map(str::trim_end) {
        empty = if line.is_empty() { empty.saturating_add(1) } else { 0 };
        if empty < 2 {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The figures of a letter as texts for people.
fn figures(letter: &Letter, price: CreditPrice) -> Value {
    match letter {
        Letter::Receipt(receipt) => of_receipt(receipt, price),
        Letter::LowBalance(LowBalance { balance, threshold }) => context! {
            credits => credits(*balance, price, Rounding::Down),
            balance => both(*balance, price, Rounding::Down),
            threshold => both(*threshold, price, Rounding::Down),
        },
        Letter::LimitReached(LimitReached { whose, name, level, limit, spent }) => context! {
            whose => match whose {
                LimitedParty::Key => "key",
                LimitedParty::App => "app",
                LimitedParty::Person => "person",
            },
            name => name.as_str(),
            all => matches!(level, LimitLevel::All),
            limit => both(*limit, price, Rounding::Down),
            // What is spent of a limit and no more is not shown as more than the limit.
            spent => both(*spent, price, if spent <= limit { Rounding::Down } else { Rounding::Up }),
        },
        Letter::TopUpFailed(TopUpFailed { amount, fault, order }) => context! {
            amount => amount.shown(),
            declined => matches!(fault, TopUpFault::Declined),
            order => order.as_str(),
        },
        Letter::Refund(refund) => of_refund(refund, price),
        Letter::DeletionScheduled(DeletionScheduled { due_at, balance }) => context! {
            due => day(*due_at),
            balance => (*balance > NanoUsd::ZERO).then(|| both(*balance, price, Rounding::Down)),
        },
        Letter::PolicyChanged(PolicyChanged { version, effective_at, summary }) => context! {
            version => version.as_str(),
            effective => day(*effective_at),
            summary => summary.as_str(),
        },
        Letter::Alarm(alarm) => of_alarm(alarm),
    }
}

fn of_alarm(alarm: &AlarmLetter) -> Value {
    let AlarmLetter { news, alarm, severity, about, summary, since, at } = alarm;
    context! {
        news => match news {
            AlarmNews::Fired => "fired",
            AlarmNews::Repeated => "repeated",
            AlarmNews::Resolved => "resolved",
            AlarmNews::Test => "test",
        },
        alarm => alarm.as_str(),
        severity => severity.as_str(),
        about => about.as_str(),
        summary => summary.as_str(),
        since => moment(*since),
        at => moment(*at),
    }
}

fn of_refund(refund: &Refund, price: CreditPrice) -> Value {
    let Refund { refunded, credits, debt, order } = refund;
    let sum = Shown::of(credits.checked_add(*debt).unwrap_or(*credits), price, Rounding::Up);
    let missing = Shown::of(*debt, price, Rounding::Up);
    context! {
        refunded => refunded.shown(),
        taken => sum.less(missing).both(),
        debt => (*debt > NanoUsd::ZERO).then(|| missing.both()),
        order => order.as_str(),
    }
}

fn of_receipt(receipt: &Receipt, price: CreditPrice) -> Value {
    let Receipt { credits: bought, bonus, debt_settled, paid, fee, top_up, order, paid_at } = receipt;
    let total = Shown::of(bought.checked_add(*bonus).unwrap_or(*bought), price, Rounding::Down);
    let without_bonus = Shown::of(*bought, price, Rounding::Down);
    context! {
        total => total.credits(),
        bought => without_bonus.both(),
        bonus => (*bonus > NanoUsd::ZERO).then(|| total.less(without_bonus).both()),
        debt => (*debt_settled > NanoUsd::ZERO).then(|| both(*debt_settled, price, Rounding::Up)),
        paid => paid.shown(),
        fee => fee.map(|fee| fee.shown()),
        automatic => matches!(top_up, TopUp::Automatic),
        order => order.as_str(),
        date => day(*paid_at),
    }
}

/// A day in UTC, such as `2 March 2026`.
fn day(at: UnixMs) -> String {
    let at = i64::try_from(at.get()).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or_default();
    at.strftime("%-d %B %Y").to_string()
}

/// A time in UTC, to the second.
fn moment(at: UnixMs) -> String {
    let at = i64::try_from(at.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    at.unwrap_or_default().to_string()
}
