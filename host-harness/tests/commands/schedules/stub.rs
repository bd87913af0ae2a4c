//! A host of canned responses, for verbs and views that the plugin does not have.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

/// What paths of the stub are below.
const ROOT: &str = "/api/v1/organizers/bigevents/scheduled_exports/";

/// Method and path below [`ROOT`], status, a header (none if empty), body (none if null).
pub type Canned = (&'static str, u16, &'static str, Value);

/// The host. Its thread ends with the test's process.
pub struct Stub {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A request that had a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    pub if_match: Option<String>,
    pub body: Value,
}

impl Stub {
    /// Anything else than these requests gets a 404.
    pub fn start(responses: Vec<Canned>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("the port"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let to_tell = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                respond(&stream, &responses, &to_tell);
            }
        });
        Self { url, received }
    }

    /// The requests that had a body, in their order.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One request and its response, after which the connection is closed.
fn respond(stream: &TcpStream, responses: &[Canned], received: &Mutex<Vec<Received>>) {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line.trim().is_empty() => break,
            Ok(_) => lines.push(line.trim().to_owned()),
        }
    }
    let header = |wanted: &str| {
        let mut pairs = lines.iter().filter_map(|line| line.split_once(':'));
        let (_, value) = pairs.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
        Some(value.trim().to_owned())
    };
    let length = header("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    if let Ok(body) = serde_json::from_slice(&body) {
        let if_match = header("if-match");
        let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
        received.push(Received { if_match, body });
    }
    let request = lines[0].trim_end_matches(" HTTP/1.1").replace(ROOT, "");
    let found = responses.iter().find(|(wanted, ..)| *wanted == request);
    let (status, header, document) = match found {
        Some((_, status, header, document)) => (*status, *header, document.clone()),
        None => (404, "", json!({"detail": "Not found."})),
    };
    let document = if document.is_null() {
        String::new()
    } else {
        document.to_string()
    };
    let header = if header.is_empty() {
        String::new()
    } else {
        format!("{header}\r\n")
    };
    let head = format!(
        "HTTP/1.1 {status} Canned\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{header}Connection: close\r\n\r\n",
        document.len()
    );
    let mut stream = stream;
    let _ = stream.write_all(format!("{head}{document}").as_bytes());
}
