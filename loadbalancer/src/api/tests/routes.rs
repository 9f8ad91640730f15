use std::path::Path;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use crate::{
    api::{BODY_LIMIT, Client, ClientError, fake::FakeDaemon},
    config::{BackendSettings, Edit, NewBackend},
};

/// Status and body of one request, written by hand.
async fn raw(socket: &Path, request_line: &str, body: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let request = format!(
        "{request_line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn statuses_tell_refusals_apart() {
    let daemon = FakeDaemon::start();
    let backend = r#"{"address": "10.0.0.14"}"#;
    let known = r#"{"address": "10.0.0.11:8080"}"#;
    let bad = r#"{"address": "300.1.1.1:80"}"#;
    let service = r#"{"name": "web", "address": "192.0.2.10:80"}"#;
    let cases = [
        ("GET /v1/status", "", 200),
        ("GET /v1/nothing", "", 404),
        ("PUT /v1/status", "", 405),
        ("GET /v1/stats?per_cpu=yes", "", 400),
        ("GET /v1/stats?service=nobody", "", 404),
        ("GET /v1/stats?service=dns", "", 200),
        ("GET /v1/health?service=nobody", "", 404),
        ("GET /v1/health?service=dns", "", 200),
        ("GET /v1/services/nobody", "", 404),
        ("POST /v1/services", service, 409),
        ("POST /v1/services", "{", 400),
        ("POST /v1/services", r#"{"name": "a", "address": "b", "colour": "red"}"#, 400),
        ("DELETE /v1/services/nobody", "", 404),
        ("POST /v1/services/nobody/backends", backend, 404),
        ("POST /v1/services/web/backends", known, 409),
        ("POST /v1/services/web/backends", bad, 400),
        ("POST /v1/services/web/backends", backend, 200),
        ("PATCH /v1/services/web/backends/web-1", r#"{"weight": 5000}"#, 400),
        ("PATCH /v1/services/nobody/backends/web-1", r#"{"weight": 5}"#, 404),
        ("POST /v1/firewall/rules", r#"{"name": "no-ssh", "source": [], "action": "drop"}"#, 409),
        ("POST /v1/firewall/rules", r#"{"name": "none", "source": [], "action": "drop"}"#, 400),
        ("DELETE /v1/firewall/rules/changed", "", 409),
        ("DELETE /v1/firewall/rules/broken", "", 500),
    ];
    for (request, body, status) in cases {
        let (found, answer) = raw(&daemon.socket(), request, body).await;
        assert_eq!(found, status, "{request} {body}: {answer}");
        if status >= 400 {
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            assert!(answer["error"].is_string(), "{request}: {answer}");
            assert!(answer["because"].is_array(), "{request}: {answer}");
            assert!(answer["hint"].is_string(), "{request}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let daemon = FakeDaemon::start();
    let name = "x".repeat(BODY_LIMIT);
    let body = format!(r#"{{"name": "{name}", "address": "192.0.2.10:80"}}"#);
    let (status, answer) = raw(&daemon.socket(), "POST /v1/services", &body).await;
    assert_eq!(status, 413, "{answer}");
    assert!(daemon.edits().is_empty());
}

#[tokio::test]
async fn names_with_colons_brackets_and_slashes_arrive_as_they_are() {
    let daemon = FakeDaemon::start();
    let client = Client::new(&daemon.socket());
    let settings = BackendSettings { weight: Some(7), ..<_>::default() };
    for name in ["[2001:db8::13]:8080", "a/b c?d#e%2F", "öl"] {
        client.set_backend("web", name, &settings).await.unwrap();
        let settings = settings.clone();
        let edit =
            Edit::SetBackend { service: "web".to_owned(), backend: name.to_owned(), settings };
        assert_eq!(daemon.edits().last(), Some(&edit));
    }
}

#[tokio::test]
async fn the_client_sends_what_it_was_given() {
    let daemon = FakeDaemon::start();
    let client = Client::new(&daemon.socket());
    let backend = NewBackend {
        address: "10.0.0.14".to_owned(),
        name: Some("web-4".to_owned()),
        weight: None,
        backup: true,
        server_id: None,
    };
    let changes = client.add_backend("web", &backend).await.unwrap();
    assert_eq!(changes.changes, ["added backend web-4 (10.0.0.14) to service web"]);
    let edit = Edit::AddBackend { service: "web".to_owned(), backend };
    assert_eq!(daemon.edits(), [edit]);
}

#[tokio::test]
async fn the_config_is_plain_text_and_rules_have_their_prefixes() {
    let daemon = FakeDaemon::start();
    let client = Client::new(&daemon.socket());
    assert!(client.config().await.unwrap().starts_with("# the office\n"));
    let firewall = client.firewall().await.unwrap();
    assert_eq!(firewall.rules[0].source, ["198.51.100.0/24", "2001:db8:bad::/48"]);
    assert_eq!(firewall.rules[0].packets, 17);
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_told_from_one_that_says_no() {
    let daemon = FakeDaemon::start();
    let refused = Client::new(&daemon.socket()).service("nobody").await.unwrap_err();
    assert!(refused.daemon_answered());
    let path = daemon.socket().with_file_name("other.sock");
    let absent = Client::new(&path).status().await.unwrap_err();
    assert!(!absent.daemon_answered());
    assert!(matches!(absent, ClientError::Unreachable { .. }));
    let failure = absent.failure();
    assert_eq!(failure.error, format!("no daemon answers at {}", path.display()));
    assert_eq!(failure.because, ["No such file or directory (os error 2)"]);
}
