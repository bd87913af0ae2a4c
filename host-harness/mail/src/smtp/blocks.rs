//! A message as DATA takes it (RFC 5321, 4.5.2): dots at line beginnings doubled, and a line with a dot at its end.

/// Bytes of a block, more or less: a copy of the whole message is never in memory. A message that fits in one goes out in one write,
/// its end included.
pub const BLOCK: usize = 64 * 1024;

/// Goes through a message block by block.
#[derive(Debug)]
pub struct Blocks<'m> {
    left: &'m [u8],
    at_line_start: bool,
    /// What ends the message; `None` once it has.
    end: Option<&'static [u8]>,
}

impl<'m> Blocks<'m> {
    /// All of a message.
    pub fn of(bytes: &'m [u8]) -> Self {
        let ends_a_line = bytes.is_empty() || bytes.ends_with(b"\r\n");
        Self {
            left: bytes,
            at_line_start: true,
            end: Some(if ends_a_line { b".\r\n" } else { b"\r\n.\r\n" }),
        }
    }

    /// The next block; `None` after the end of the message.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        let end = self.end?;
        let mut block = Vec::with_capacity(self.left.len().min(BLOCK) + 64);
        while block.len() < BLOCK && !self.left.is_empty() {
            let room = &self.left[..self.left.len().min(BLOCK)];
            let line_end = room.iter().position(|byte| *byte == b'\n');
            let (line, left) = self.left.split_at(line_end.map_or(room.len(), |end| end + 1));
            if self.at_line_start && line[0] == b'.' {
                block.push(b'.');
            }
            block.extend_from_slice(line);
            self.at_line_start = line.ends_with(b"\n");
            self.left = left;
        }
        if self.left.is_empty() {
            block.extend_from_slice(end);
            self.end = None;
        }
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut blocks = Blocks::of(bytes);
        std::iter::from_fn(|| blocks.next()).collect()
    }

    #[test]
    fn a_dot_at_the_beginning_of_a_line_is_doubled_and_the_message_ends_in_one() {
        for (message, sent) in [
            (&b"a\r\n"[..], &b"a\r\n.\r\n"[..]),
            (b"a", b"a\r\n.\r\n"),
            (b"", b".\r\n"),
            (b".\r\n..\r\n.a.\r\n", b"..\r\n...\r\n..a.\r\n.\r\n"),
            // A server that takes a bare LF for a line end finds no end of the message either.
            (b"a\n.\nb", b"a\n..\nb\r\n.\r\n"),
            (b"a\r", b"a\r\r\n.\r\n"),
        ] {
            assert_eq!(all(message), [sent], "{}", message.escape_ascii());
        }
    }

    #[test]
    fn a_message_of_many_blocks_is_the_same_wherever_it_is_divided() {
        let line = [&b"."[..], &vec![b'x'; 997], b"\r\n"].concat();
        for shift in 0..4 {
            let message = [vec![b'y'; shift], line.repeat(200)].concat();
            let blocks = all(&message);
            assert!(blocks.len() > 1 && blocks.iter().all(|block| block.len() < 2 * BLOCK));
            let mut expected = Vec::new();
            for (nth, line) in message.split_inclusive(|byte| *byte == b'\n').enumerate() {
                if nth > 0 || shift == 0 {
                    expected.push(b'.');
                }
                expected.extend_from_slice(line);
            }
            expected.extend_from_slice(b".\r\n");
            assert!(blocks.concat() == expected, "{shift}");
        }
        let endless = vec![b'.'; 3 * BLOCK];
        assert_eq!(all(&endless).concat().len(), 3 * BLOCK + 1 + 5);
    }
}
