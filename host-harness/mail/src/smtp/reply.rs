//! Replies of a mail server (RFC 5321, 4.2): a code decides, the text is only repeated.
//!
//! They are parsed as bytes. A reply needs no text and no particular encoding, and its lines end in LF, with or without CR.

use super::super::MAX_WORDS;

/// Maximum bytes of one reply, however they are divided into lines.
pub const MAX_REPLY: usize = 64 * 1024;

/// A whole reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// That of its last line, 200 to 599.
    pub code: u16,
    /// The lines' text, without codes; what is no UTF-8 is replaced.
    pub lines: Vec<String>,
}

/// Why bytes are no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line without a code, or with one outside of 200 to 599.
    #[error("the mail server sent a line that is no reply: {0:?}")]
    NoCode(String),
    /// The lines of one reply disagree about yes and no.
    #[error("the mail server sent one reply with the codes {0} and {1}")]
    Mixed(u16, u16),
    /// More than [`MAX_REPLY`] bytes.
    #[error("the mail server sent a reply of more than {MAX_REPLY} bytes")]
    TooLong,
}

/// Puts replies together from bytes, however these arrive. Each byte is looked at once.
#[derive(Debug, Default)]
pub struct ReplyReader {
    buffer: Vec<u8>,
    /// So much of the buffer holds no line end.
    scanned: usize,
    /// Of the lines so far: how many bytes they had, the first one's code, and their text.
    size: usize,
    first: Option<u16>,
    lines: Vec<String>,
}

impl ReplyReader {
    /// More from the server.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Nothing was received that no reply was made of.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.first.is_none()
    }

    /// The next reply; `None` if its end is still to come.
    pub fn next(&mut self) -> Result<Option<Reply>, ReplyError> {
        while let Some(end) = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=self.scanned + end).collect();
            self.scanned = 0;
            self.size += line.len();
            if self.size > MAX_REPLY {
                return Err(ReplyError::TooLong);
            }
            let text = &line[..line.len() - 1];
            let (code, is_last, text) = read_line(text.strip_suffix(b"\r").unwrap_or(text))?;
            match self.first {
                Some(first) if first / 100 != code / 100 => return Err(ReplyError::Mixed(first, code)),
                _ => self.first = Some(code),
            }
            // Nobody is shown more than this; EHLO's keywords are short.
            if self.lines.len() < MAX_WORDS {
                let text = &text[..text.len().min(4 * MAX_WORDS)];
                self.lines.push(String::from_utf8_lossy(text).into_owned());
            }
            if is_last {
                (self.size, self.first) = (0, None);
                let lines = std::mem::take(&mut self.lines);
                return Ok(Some(Reply { code, lines }));
            }
        }
        self.scanned = self.buffer.len();
        if self.size + self.buffer.len() >= MAX_REPLY {
            return Err(ReplyError::TooLong);
        }
        // A line that can be no reply need not be waited for.
        match self.buffer.first() {
            Some(byte) if !byte.is_ascii_digit() => Err(no_code(&self.buffer)),
            _ => Ok(None),
        }
    }
}

impl Reply {
    /// 2 for yes, 3 for “go on”, 4 for “not now”, 5 for no.
    pub fn class(&self) -> u16 {
        self.code / 100
    }

    /// Class, subject and detail of the enhanced status code (RFC 3463) that the text begins with, if it has one that fits the code.
    pub fn enhanced(&self) -> Option<(u16, u16, u16)> {
        let (status, _) = enhanced(self.lines.first()?)?;
        (status.0 == self.class()).then_some(status)
    }

    /// Its code and enhanced status code alone, and what they say where that is known.
    pub fn without_text(&self) -> Self {
        let status = self
            .enhanced()
            .map(|(class, subject, detail)| format!("{class}.{subject}.{detail}"));
        let known = (self.code == 535).then(|| "user or password is not accepted".to_owned());
        let line: Vec<String> = status.into_iter().chain(known).collect();
        Self {
            code: self.code,
            lines: vec![line.join(" ")],
        }
    }

    /// Code and text on one line, an enhanced status code only once.
    pub fn text(&self) -> String {
        let mut text = self.code.to_string();
        let mut said = None;
        for line in &self.lines {
            let shown = match enhanced(line) {
                Some((status, rest)) if said == Some(status) => rest,
                found => {
                    said = said.or(found.map(|(status, _)| status));
                    line
                }
            };
            if !shown.is_empty() {
                text.push(' ');
                text.push_str(shown);
            }
        }
        text
    }
}

/// Code, whether it ends the reply, and text.
fn read_line(line: &[u8]) -> Result<(u16, bool, &[u8]), ReplyError> {
    let Some((&[a @ b'2'..=b'5', b, c], rest)) = line.split_first_chunk::<3>() else {
        return Err(no_code(line));
    };
    if !b.is_ascii_digit() || !c.is_ascii_digit() || rest.first().is_some_and(u8::is_ascii_digit) {
        return Err(no_code(line));
    }
    let digit = |byte: u8| u16::from(byte - b'0');
    let code = digit(a) * 100 + digit(b) * 10 + digit(c);
    match rest {
        [b'-', text @ ..] => Ok((code, false, text)),
        [b' ', text @ ..] | text => Ok((code, true, text)),
    }
}

fn no_code(line: &[u8]) -> ReplyError {
    let shown = &line[..line.len().min(80)];
    ReplyError::NoCode(String::from_utf8_lossy(shown).trim_end().to_owned())
}

/// `5.1.1 no such user`: the status, and the text after it.
fn enhanced(text: &str) -> Option<((u16, u16, u16), &str)> {
    let (status, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut parts = status.split('.').map(|part| {
        let digits = matches!(part.len(), 1..=3) && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    });
    let found = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some((found, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(bytes: &[u8]) -> Result<Option<Reply>, ReplyError> {
        let mut reader = ReplyReader::default();
        reader.push(bytes);
        reader.next()
    }

    /// Code and text of the only reply in these bytes.
    fn only(bytes: &[u8]) -> (u16, String) {
        let mut reader = ReplyReader::default();
        reader.push(bytes);
        let reply = reader.next().unwrap().expect("a whole reply");
        assert!(reader.is_empty());
        (reply.code, reply.text())
    }

    #[test]
    fn a_reply_may_have_any_text_or_none_and_either_line_end() {
        for (bytes, code, text) in [
            (&b"250 2.0.0 ok\r\n"[..], 250, "250 2.0.0 ok"),
            (b"250 ok\n", 250, "250 ok"),
            (b"250\r\n", 250, "250"),
            (b"250\n", 250, "250"),
            (b"250 \r\n", 250, "250"),
            (b"250 2.0.0 Gr\xfc\xdfe\r\n", 250, "250 2.0.0 Gr\u{fffd}\u{fffd}e"),
            (b"250 \0\x1b[31m\r\n", 250, "250 \0\x1b[31m"),
            (b"250-first\n250-\r\n250 last\n", 250, "250 first last"),
            (b"250-first\r\n251 last\r\n", 251, "251 first last"),
            (
                b"550-5.1.1 gone\r\n550 5.1.1 for good\r\n",
                550,
                "550 5.1.1 gone for good",
            ),
            (b"250\ttab\r\n", 250, "250 \ttab"),
        ] {
            assert_eq!(only(bytes), (code, text.to_owned()), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_reply_that_comes_byte_by_byte_is_whole_with_its_last_line_end_and_not_before() {
        let bytes = b"250-a\r\n250 b\r\n";
        let mut reader = ReplyReader::default();
        for (len, byte) in bytes.iter().enumerate() {
            assert_eq!(reader.next(), Ok(None), "{len}");
            reader.push(&[*byte]);
        }
        assert_eq!(reader.next().unwrap().unwrap().text(), "250 a b");
    }

    #[test]
    fn what_follows_a_reply_is_left_in_the_buffer() {
        let mut reader = ReplyReader::default();
        reader.push(b"220 go\r\n250 forged\r\n");
        assert_eq!(reader.next().unwrap().unwrap().code, 220);
        assert!(!reader.is_empty());
        reader = ReplyReader::default();
        reader.push(b"220-half\r\n");
        assert_eq!(reader.next(), Ok(None));
        assert!(!reader.is_empty());
    }

    #[test]
    fn lines_that_disagree_about_yes_and_no_are_no_reply() {
        for bytes in [
            &b"250-ok\r\n550 no\r\n"[..],
            b"550-no\r\n250 ok\r\n",
            b"250-ok\n451 later\n",
        ] {
            let mixed = first(bytes);
            assert!(matches!(mixed, Err(ReplyError::Mixed(..))), "{mixed:?}");
        }
    }

    #[test]
    fn what_has_no_code_is_no_reply_and_is_not_waited_for() {
        for bytes in [
            &b"nonsense\r\n"[..],
            b"nonsense",
            b"\r\n",
            b"25 ok\r\n",
            b"2500 ok\r\n",
            b"199 ok\r\n",
            b"600 ok\r\n",
            b"25x ok\r\n",
            b"250-ok\r\nmore\r\n",
            b" 250 ok\r\n",
        ] {
            let none = first(bytes);
            assert!(matches!(none, Err(ReplyError::NoCode(_))), "{none:?}");
        }
    }

    #[test]
    fn a_reply_is_bounded_by_its_bytes_and_not_by_its_lines() {
        let line = [b"250 ", &vec![b'x'; MAX_REPLY - 6][..], b"\r\n"].concat();
        assert_eq!(line.len(), MAX_REPLY);
        assert!(matches!(first(&line), Ok(Some(_))));
        let longer = [b"250 ", &vec![b'x'; MAX_REPLY - 5][..], b"\r\n"].concat();
        assert_eq!(first(&longer), Err(ReplyError::TooLong));
        let endless = b"250-x\r\n".repeat(MAX_REPLY / 7 + 1);
        assert_eq!(first(&endless), Err(ReplyError::TooLong));
        let many = [b"250-x\r\n".repeat(MAX_REPLY / 7 - 1), b"250 end\n".to_vec()].concat();
        assert!(matches!(first(&many), Ok(Some(_))));
        // Without a line end there is nothing more to wait for either.
        assert_eq!(first(&vec![b'2'; MAX_REPLY]), Err(ReplyError::TooLong));
    }

    #[test]
    fn an_enhanced_status_code_counts_only_where_it_fits_the_code() {
        let of = |line: &str| first(line.as_bytes()).unwrap().unwrap().enhanced();
        assert_eq!(of("550 5.7.1 no\n"), Some((5, 7, 1)));
        assert_eq!(of("550 5.7.1\n"), Some((5, 7, 1)));
        assert_eq!(of("451 4.7.28 slow\n"), Some((4, 7, 28)));
        for none in [
            "550 4.7.1 no\n",
            "550 no\n",
            "550 5.7 no\n",
            "550 5.7.1.2 no\n",
            "550 5.7.x no\n",
            "550\n",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
