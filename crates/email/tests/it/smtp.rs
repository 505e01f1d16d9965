//! Mails over SMTP, to a real server.

use crate::fixtures::message;
use crate::mail_server::MailServer;
use opencredits_email::{MailError, Mailer, RefusedPart, Smtp, SmtpLogin, SmtpSettings, SmtpTls, Verdict};

fn settings(server: &MailServer, tls: SmtpTls) -> SmtpSettings {
    SmtpSettings {
        host: "localhost".to_owned(),
        port: server.port,
        tls,
        extra_roots_pem: Some(server.certificate_pem.clone().into_bytes()),
        login: Some(SmtpLogin { username: "acme".to_owned(), password: "right horse".to_owned() }),
        hello: "acme.example".to_owned(),
        timeout_ms: 5_000,
    }
}

async fn send(settings: SmtpSettings, to: &str) -> Result<(), MailError> {
    Smtp::new(settings).unwrap().send(&message(to, "mail_1")).await
}

#[tokio::test]
async fn a_mail_arrives_whole_over_starttls_with_a_login() {
    let Some(mut server) = MailServer::start("starttls") else { return };
    let sent = message("ada@example.org", "mail_1");
    let smtp = Smtp::new(settings(&server, SmtpTls::StartTls)).unwrap();
    smtp.send(&sent).await.unwrap();
    let got = server.next();
    assert_eq!((&got["tls"], &got["login"]), (&true.into(), &true.into()));
    assert_eq!(got["hello"], "acme.example");
    assert_eq!((&got["from"], &got["to"][0]), (&"mail@acme.example".into(), &"ada@example.org".into()));
    assert_eq!(got["parts"], serde_json::json!(["multipart/alternative", "text/plain", "text/html"]));
    let whole = |part: &str| got[part].as_str().unwrap().replace("\r\n", "\n");
    assert_eq!((whole("text").trim(), whole("html").trim()), (sent.text.trim(), sent.html.trim()));
    let headers = &got["headers"];
    assert_eq!(headers["message-id"], "<mail_1@acme.example>");
    assert_eq!(headers["subject"], "You bought 2,000 credits");
    assert_eq!(headers["from"], "Acme Credits <mail@acme.example>");
    assert_eq!(headers["date"], "Mon, 21 Sep 2026 14:13:20 +0000");
    let mut names: Vec<&str> = headers.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["auto-submitted", "content-type", "date", "from", "message-id", "mime-version", "subject", "to"]
    );
    let url = Some("https://acme.example/mails/unsubscribe?link=AQ".to_owned());
    smtp.send(&opencredits_email::Message { unsubscribe_url: url, ..sent.clone() }).await.unwrap();
    let notice = server.next();
    assert_eq!(notice["headers"]["list-unsubscribe"], "<https://acme.example/mails/unsubscribe?link=AQ>");
    assert_eq!(notice["headers"]["list-unsubscribe-post"], "List-Unsubscribe=One-Click");
    // A repetition is the same mail.
    smtp.send(&sent).await.unwrap();
    let again = server.next();
    assert_eq!(
        (&again["headers"]["message-id"], &again["headers"]["date"]),
        (&headers["message-id"], &headers["date"])
    );
    assert_eq!(server.end(), 0);
}

#[tokio::test]
async fn a_mail_arrives_over_implicit_tls_and_over_none_on_this_machine() {
    for (mode, tls) in [("implicit", SmtpTls::Implicit), ("none", SmtpTls::None)] {
        let Some(mut server) = MailServer::start(mode) else { return };
        let login = settings(&server, tls).login.filter(|_| tls != SmtpTls::None);
        send(SmtpSettings { login, ..settings(&server, tls) }, "ada@example.org").await.unwrap();
        let got = server.next();
        assert_eq!(got["tls"], tls == SmtpTls::Implicit, "{mode}");
        assert_eq!(got["to"][0], "ada@example.org");
    }
}

#[tokio::test]
async fn what_the_server_says_of_a_recipient_decides_what_happens() {
    let Some(server) = MailServer::start("starttls") else { return };
    let rows = [
        ("busy@example.org", Verdict::Retry),
        ("gone@example.org", Verdict::GiveUp(RefusedPart::Recipient)),
        ("spam@example.org", Verdict::GiveUp(RefusedPart::Message)),
    ];
    for (to, expect) in rows {
        let error = send(settings(&server, SmtpTls::StartTls), to).await.unwrap_err();
        assert_eq!(error.verdict(), expect, "{to}: {error}");
        assert!(!format!("{error} {error:?}").contains("example.org"), "an error repeats no address");
    }
    let slow = SmtpSettings { timeout_ms: 300, ..settings(&server, SmtpTls::StartTls) };
    let late = send(slow, "slow@example.org").await;
    assert!(matches!(late, Err(MailError::TimedOut { limit_ms: 300 })), "{late:?}");
    assert_eq!(server.end(), 0, "none of them was taken");
}

#[tokio::test]
async fn a_wrong_password_or_certificate_is_a_matter_of_the_settings() {
    let Some(server) = MailServer::start("starttls") else { return };
    let fine = || settings(&server, SmtpTls::StartTls);
    let wrong = Some(SmtpLogin { username: "acme".to_owned(), password: "wrong horse".to_owned() });
    let rows = [
        ("a wrong password", SmtpSettings { login: wrong, ..fine() }),
        ("no login", SmtpSettings { login: None, ..fine() }),
        ("an unknown certificate", SmtpSettings { extra_roots_pem: None, ..fine() }),
    ];
    for (name, settings) in rows {
        let error = send(settings, "ada@example.org").await.unwrap_err();
        assert_eq!(error.verdict(), Verdict::Misconfigured, "{name}: {error}");
    }
    // The name in the certificate is another.
    let other = send(SmtpSettings { host: "127.0.0.1".to_owned(), ..fine() }, "ada@example.org").await.unwrap_err();
    assert_eq!(other.verdict(), Verdict::Misconfigured, "{other}");
    assert_eq!(server.end(), 0, "nothing was sent");
}

#[tokio::test]
async fn nothing_is_sent_without_the_tls_that_was_asked_for() {
    let Some(server) = MailServer::start("none") else { return };
    let error = send(settings(&server, SmtpTls::StartTls), "ada@example.org").await.unwrap_err();
    assert_eq!(error.verdict(), Verdict::Misconfigured, "{error}");
    assert_eq!(server.end(), 0);
}

#[tokio::test]
async fn a_mail_server_that_is_not_there_is_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (host, hello) = ("127.0.0.1".to_owned(), "localhost".to_owned());
    let (tls, extra_roots_pem, login) = (SmtpTls::None, None, None);
    let error =
        send(SmtpSettings { host, port, tls, extra_roots_pem, login, hello, timeout_ms: 1_000 }, "a@example.org");
    assert!(matches!(error.await, Err(MailError::Unreachable)));
}

#[tokio::test]
async fn a_login_is_checked_without_a_mail() {
    let Some(server) = MailServer::start("starttls") else { return };
    let check = async |password: &str| {
        let login = Some(SmtpLogin { username: "acme".to_owned(), password: password.to_owned() });
        let settings = SmtpSettings { login, ..settings(&server, SmtpTls::StartTls) };
        Smtp::new(settings).unwrap().check().await.err().map(|error| error.verdict())
    };
    assert_eq!(check("right horse").await, None);
    assert_eq!(check("wrong horse").await, Some(Verdict::Misconfigured));
    assert_eq!(server.end(), 0, "nothing was sent");
}
