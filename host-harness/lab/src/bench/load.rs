//! Clients of the API that cost little themselves: requests made beforehand, written to connections that stay open, from one
//! thread; of an answer only status and length are read.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::sample::Sample;

/// What is asked for, and the status that it must be answered with.
#[derive(Clone)]
pub struct Load {
    pub requests: Arc<[Vec<u8>]>,
    pub status: u16,
}

impl Load {
    pub fn new(requests: impl IntoIterator<Item = Vec<u8>>, status: u16) -> Self {
        Self {
            requests: requests.into_iter().collect(),
            status,
        }
    }

    /// Asks over this many connections for so long, each time as soon as the answer before is there.
    pub fn press(&self, at: SocketAddr, connections: usize, length: Duration) -> io::Result<Sample> {
        let load = self.clone();
        let clients = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(load.press_on(at, connections, length))
        });
        clients.join().map_err(|_| io::Error::other("a load client panicked"))?
    }

    async fn press_on(self, at: SocketAddr, connections: usize, length: Duration) -> io::Result<Sample> {
        let mut streams = Vec::with_capacity(connections);
        for _ in 0..connections {
            let stream = TcpStream::connect(at).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let began = Instant::now();
        let clients = streams.into_iter().enumerate().map(|(number, stream)| {
            // Connections begin at different requests, and meet as seldom as possible.
            let first = number * self.requests.len() / connections;
            let (requests, status) = (Arc::clone(&self.requests), self.status);
            tokio::spawn(ask(stream, requests, first, status, began + length))
        });
        let clients: Vec<_> = clients.collect();
        let mut sample = Sample::default();
        for client in clients {
            sample.micros.extend(client.await.map_err(io::Error::other)??);
        }
        sample.seconds = began.elapsed().as_secs_f64();
        sample.done = sample.micros.len() as u64;
        Ok(sample)
    }
}

async fn ask(
    mut stream: TcpStream,
    requests: Arc<[Vec<u8>]>,
    first: usize,
    status: u16,
    until: Instant,
) -> io::Result<Vec<f64>> {
    let mut micros = Vec::new();
    let mut answer = Vec::with_capacity(64 << 10);
    for request in requests.iter().cycle().skip(first) {
        let asked = Instant::now();
        if asked >= until {
            break;
        }
        stream.write_all(request).await?;
        let found = read(&mut stream, &mut answer).await?;
        if found != status {
            let said = String::from_utf8_lossy(&answer);
            return Err(io::Error::other(format!(
                "expected status {status}, got {found}: {said}"
            )));
        }
        micros.push(asked.elapsed().as_secs_f64() * 1e6);
    }
    Ok(micros)
}

/// Reads one whole answer; its status.
async fn read(stream: &mut TcpStream, answer: &mut Vec<u8>) -> io::Result<u16> {
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some((status, length)) = head(answer)
            && answer.len() >= length
        {
            return Ok(status);
        }
    }
}

/// Status and whole length of the answer that these bytes begin; none: its head is not whole yet.
pub fn head(bytes: &[u8]) -> Option<(u16, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    Some((status, end + 4 + length.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn an_answer_is_as_long_as_its_head_says() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"), Some((200, 51)));
        assert_eq!(head(b"HTTP/1.1 204 No Content\r\nallow: GET\r\n\r\n"), Some((204, 39)));
        assert_eq!(head(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"), None);
    }
}
