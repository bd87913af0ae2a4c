//! What the log says of a request.

use std::io;
use std::sync::{Arc, Mutex};

use super::host::{Ask, Host, LIST, ONE};
use crate::service::CallError;

/// What was logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().expect("unpoisoned"));
        String::from_utf8(bytes).expect("UTF-8")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("unpoisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a request logs. A line that another thread reaches first, where nobody reads, is taken by `tracing` for one that
/// nobody ever will; so this asks until its lines are known to be read, and then once more.
async fn logged(ask: impl Fn() -> Ask) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    while log.take().is_empty() {
        tracing::callsite::rebuild_interest_cache();
        ask().send().await;
    }
    // The span of the request is such a place as well, and may have been reached first while the loop above ran.
    tracing::callsite::rebuild_interest_cache();
    ask().send().await;
    log.take()
}

#[tokio::test]
async fn a_request_is_one_line_without_token_query_or_body() {
    let host = Host::new();
    let text = logged(|| {
        let ask = host.john("POST", &format!("{LIST}?secret=query"));
        ask.header("x-request-id", "r-1")
            .header("idempotency-key", "secret-key")
            .json(r#"{"secret": "body"}"#)
    })
    .await;
    assert_eq!(text.lines().count(), 1, "{text}");
    let path = format!("path={LIST} ");
    for part in ["INFO", "id=r-1", "method=POST", &path, "status=201", "ms="] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("secret") && !text.contains("john"), "{text}");
}

#[tokio::test]
async fn what_the_client_is_not_told_is_logged_with_the_request() {
    let host = Host::new();
    let text = logged(|| {
        host.answers(Err(CallError::Trapped("unreachable executed".into())));
        host.john("GET", ONE).header("x-request-id", "r-2")
    })
    .await;
    let line = text
        .lines()
        .find(|line| line.contains("unreachable executed"))
        .expect("the trap");
    assert!(line.contains("ERROR") && line.contains("id=r-2"), "{line}");
}

#[test]
fn a_path_is_cut_and_cannot_begin_another_line() {
    assert_eq!(crate::api::logged("/a/%0A/"), "/a/%0A/");
    assert_eq!(crate::api::logged("/a\nb"), "/a\\nb");
    assert_eq!(crate::api::logged(&"a".repeat(200)).len(), 200);
    assert_eq!(crate::api::logged(&"a".repeat(201)).len(), 200);
}
