//! The HTTP API, against a small double of it on a loopback port.

use crate::fixtures::message;
use opencredits_email::{MailError, Mailer, RefusedPart, Resend, ResendSettings, Verdict};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What the double got: the head of a request, and its body.
struct Got {
    head: String,
    body: serde_json::Value,
}

/// Answers one request with `answer`, or never where it is empty.
async fn double(answer: &'static str) -> (String, tokio::task::JoinHandle<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "a double of a server runs beside its test")]
    let task = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
                if body.len() >= length.parse::<usize>().unwrap() {
                    let body = serde_json::from_str(body).unwrap_or_default();
                    if answer.is_empty() {
                        tokio::time::sleep(Duration::from_secs(2)).await;
                    }
                    socket.write_all(answer.as_bytes()).await.unwrap();
                    return Got { head: head.to_owned(), body };
                }
            }
            assert!(socket.read_buf(&mut bytes).await.unwrap() > 0, "the request broke off");
        }
    });
    (url, task)
}

fn sender(url: String) -> Resend {
    Resend::new(ResendSettings { api_key: "re_test".into(), url: Some(url), timeout_ms: 500 }).unwrap()
}

#[tokio::test]
async fn a_mail_is_one_request_with_its_id_as_the_idempotency_key() {
    let (url, task) = double("HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"id\":\"49a3\"}").await;
    let message = message("ada@example.org", "mail_1");
    sender(url).send(&message).await.unwrap();
    let Got { head, body } = task.await.unwrap();
    assert!(head.starts_with("POST /emails HTTP/1.1\r\n"), "{head}");
    for line in [
        "idempotency-key: mail_1@acme.example",
        "authorization: Bearer re_test",
        "content-type: application/json",
        "user-agent: opencredits/",
    ] {
        assert!(head.contains(&format!("\r\n{line}")), "{line} in {head}");
    }
    let expect = serde_json::json!({
        "from": "Acme Credits <mail@acme.example>", "to": ["ada@example.org"], "subject": message.subject,
        "text": message.text, "html": message.html, "headers": { "Auto-Submitted": "auto-generated", "Message-ID": "<mail_1@acme.example>" },
    });
    assert_eq!(body, expect);
    let url = Some("https://acme.example/mails/unsubscribe?link=AQ".to_owned());
    let rows = [
        (url.clone(), url),
        (Some("http://acme.example/u".to_owned()), None),
        (Some("https://a.example/>,<x".to_owned()), None),
    ];
    for (unsubscribe_url, expect) in rows {
        let (api, task) = double("HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"id\":\"49a3\"}").await;
        let notice = opencredits_email::Message { unsubscribe_url, ..message.clone() };
        sender(api).send(&notice).await.unwrap();
        let headers = task.await.unwrap().body["headers"].clone();
        let told = headers["List-Unsubscribe"].as_str().map(str::to_owned);
        assert_eq!(told, expect.as_ref().map(|url| format!("<{url}>")));
        assert_eq!(headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click", expect.is_some());
    }
}

#[tokio::test]
async fn an_answer_that_refuses_says_what_to_do() {
    let check = |answer: &'static str, expect: Option<Verdict>| async move {
        let (url, task) = double(answer).await;
        let sent = sender(url).send(&message("ada@example.org", "mail_1")).await;
        assert_eq!(sent.as_ref().err().map(MailError::verdict), expect, "{answer}: {sent:?}");
        task.abort();
        sent
    };
    let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 30\r\n\r\n{\"name\":\"rate_limit_exceeded\"}";
    let sent = check(busy, Some(Verdict::Retry)).await;
    assert_eq!(sent.unwrap_err().wait(), Some(Duration::from_secs(7)));
    let bad = "HTTP/1.1 422 Unprocessable\r\ncontent-length: 59\r\n\r\n{\"name\":\"validation_error\",\"message\":\"ada@example.org: no\"}";
    let sent = check(bad, Some(Verdict::GiveUp(RefusedPart::Message))).await;
    assert!(!format!("{0} {0:?}", sent.unwrap_err()).contains("ada"), "an error repeats no address");
    let before = "HTTP/1.1 409 Conflict\r\ncontent-length: 37\r\n\r\n{\"name\":\"invalid_idempotent_request\"}";
    check(before, None).await.unwrap();
    check("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n", Some(Verdict::Misconfigured)).await.unwrap_err();
    check("HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n", Some(Verdict::Retry)).await.unwrap_err();
    check(
        "HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        Some(Verdict::Misconfigured),
    )
    .await
    .unwrap_err();
    let late = check("", Some(Verdict::Retry)).await;
    assert!(matches!(late, Err(MailError::TimedOut { limit_ms: 500 })));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let sent = sender(url).send(&message("ada@example.org", "mail_1")).await;
    assert!(matches!(sent, Err(MailError::Unreachable)));
}

#[tokio::test]
async fn a_key_is_checked_without_a_mail_also_one_that_may_only_send() {
    let check = async |answer: &'static str| {
        let (url, task) = double(answer).await;
        let checked = sender(url).check().await;
        let Got { head, body } = task.await.unwrap();
        assert!(
            head.starts_with("GET /domains HTTP/1.1\r\n") && head.contains("authorization: Bearer re_test"),
            "{head}"
        );
        assert_eq!(body, serde_json::Value::Null);
        checked.err().map(|error| error.verdict())
    };
    assert_eq!(check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await, None);
    let restricted = "HTTP/1.1 401 X\r\ncontent-length: 29\r\n\r\n{\"name\":\"restricted_api_key\"}";
    assert_eq!(check(restricted).await, None);
    let invalid = "HTTP/1.1 403 X\r\ncontent-length: 26\r\n\r\n{\"name\":\"invalid_api_key\"}";
    assert_eq!(check(invalid).await, Some(Verdict::Misconfigured));
    assert_eq!(check("HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n").await, Some(Verdict::Retry));
}
