//! A host of canned responses, for verbs and views that the plugin does not have.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

/// What paths of the stub are below.
const ROOT: &str = "/api/v1/organizers/bigevents/scheduled_exports/";

/// Method and path below [`ROOT`], status, `Location` (none if empty), body (none if null).
pub type Canned = (&'static str, u16, &'static str, Value);

/// The host. Its thread ends with the test's process.
pub struct Stub {
    pub url: String,
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Stub {
    /// Anything else than these requests gets a 404.
    pub fn start(responses: Vec<Canned>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("the port"));
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&bodies);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                respond(&stream, &responses, &received);
            }
        });
        Self { url, bodies }
    }

    /// Bodies of the requests that had one, in their order.
    pub fn bodies(&self) -> Vec<Value> {
        self.bodies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One request and its response, after which the connection is closed.
fn respond(stream: &TcpStream, responses: &[Canned], bodies: &Mutex<Vec<Value>>) {
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
    let length = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or_default()];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    if let Ok(body) = serde_json::from_slice(&body) {
        bodies.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    }
    let request = lines[0].trim_end_matches(" HTTP/1.1").replace(ROOT, "");
    let found = responses.iter().find(|(wanted, ..)| *wanted == request);
    let (status, location, document) = match found {
        Some((_, status, location, document)) => (*status, *location, document.clone()),
        None => (404, "", json!({"detail": "Not found."})),
    };
    let document = if document.is_null() {
        String::new()
    } else {
        document.to_string()
    };
    let location = if location.is_empty() {
        String::new()
    } else {
        format!("Location: {location}\r\n")
    };
    let head = format!(
        "HTTP/1.1 {status} Canned\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{location}Connection: close\r\n\r\n",
        document.len()
    );
    let mut stream = stream;
    let _ = stream.write_all(format!("{head}{document}").as_bytes());
}
