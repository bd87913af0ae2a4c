use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncBufReadExt as _, BufReader, DuplexStream, ReadBuf};

use super::*;

const LIMIT: Duration = Duration::from_secs(60);

/// A stream that counts what is written to it at a time.
struct Counted {
    stream: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Answers 250 to each command, 354 to DATA, and 250 to the dot at the end.
async fn serve(stream: DuplexStream) {
    let mut stream = BufReader::new(stream);
    let (mut line, mut in_message) = (Vec::new(), false);
    while stream.read_until(b'\n', &mut line).await.is_ok_and(|count| count > 0) {
        let reply = match (in_message, line.as_slice()) {
            (true, b".\r\n") => {
                in_message = false;
                "250\r\n"
            }
            (true, _) => "",
            (false, b"DATA\r\n") => {
                in_message = true;
                "354\r\n"
            }
            (false, _) => "250\r\n",
        };
        if stream.get_mut().write_all(reply.as_bytes()).await.is_err() {
            return;
        }
        line.clear();
    }
}

#[tokio::test]
async fn each_step_goes_out_in_one_write_and_a_short_message_with_its_end() {
    let (near, far) = tokio::io::duplex(1 << 20);
    let writes = Arc::new(AtomicUsize::new(0));
    let counted = Counted {
        stream: near,
        writes: Arc::clone(&writes),
    };
    let mut connection = Connection::over(Box::new(counted), false);
    let talking = async {
        for (command, class) in [("MAIL FROM:<a@x>\r\n", 2), ("RCPT TO:<b@x>\r\n", 2), ("DATA\r\n", 3)] {
            connection.ask(command, class, LIMIT).await.unwrap();
        }
        assert_eq!(writes.load(Ordering::Relaxed), 3);
        let message = b"Subject: x\r\n\r\n.a\r\n".repeat(100);
        connection.message(&message, LIMIT, LIMIT).await.unwrap();
        assert_eq!(writes.load(Ordering::Relaxed), 4);
        drop(connection);
    };
    futures_util::future::join(talking, serve(far)).await;
}

#[test]
fn what_a_server_offers_is_read_in_any_case_and_old_spelling() {
    let reply = |lines: &[&str]| Reply {
        code: 250,
        lines: lines.iter().map(|&line| line.to_owned()).collect(),
    };
    let offers = Offers::of(&reply(&[
        "STARTTLS is the server's name",
        "sIzE 10",
        "auth=login  PLAIN",
        "8bitmime",
    ]));
    assert_eq!(
        offers,
        Offers {
            eight_bit_mime: true,
            size: Some(10),
            takes_size: true,
            auth: vec!["LOGIN".to_owned(), "PLAIN".to_owned()],
            ..Offers::default()
        }
    );
    let unlimited = Offers::of(&reply(&["x", "SIZE 0", "StartTLS", "smtputf8"]));
    assert_eq!((unlimited.size, unlimited.takes_size), (None, true));
    assert!(unlimited.starttls && unlimited.smtp_utf8);
}
