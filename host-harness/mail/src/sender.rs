//! Who mails come from.

use std::fmt;
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use lettre::Address;
use lettre::message::Mailbox;

/// Maximum length of a display name, in characters: one that is longer is no name.
const MAX_NAME: usize = 100;
/// The sender of a host that writes mails as files only. `.invalid` belongs to nobody (RFC 2606), so nothing sent to it arrives.
const NOBODYS: &str = "exports@tickets.invalid";

/// The sender of all mails of a host: an address in ASCII, and the name that mail programs show for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    name: Option<String>,
    address: Address,
}

/// Why a text names no sender. Each message states the text and an example of what is expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// Nothing like `local@domain` is in it.
    #[error("{0:?} is not a sender: expected an address with a domain, such as 'Big Events <exports@example.org>'")]
    NoAddress(String),
    /// The part before the `@` cannot be sent through every mail server.
    #[error("the sender {0:?} has characters other than ASCII before the @, which many mail servers reject")]
    NotAscii(String),
    /// The domain is none, by the rules of internationalized domain names.
    #[error("the sender {0:?} has an invalid domain: expected a host name, such as example.org or bücher.example")]
    Domain(String),
    /// The display name is too long, or does not fit in one line.
    #[error("the sender {0:?} has an invalid display name: expected one line of at most {MAX_NAME} characters")]
    Name(String),
}

impl Sender {
    /// The address (RFC 5322 addr-spec), in ASCII.
    #[must_use]
    pub fn address(&self) -> &str {
        self.address.as_ref()
    }

    /// The name that mail programs show.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The domain of the address.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.address.domain()
    }
}

impl Default for Sender {
    /// For mails that are written as files: an address that belongs to nobody.
    fn default() -> Self {
        NOBODYS.parse().expect("a valid sender")
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => f.write_str(self.address()),
            Some(name) => write!(f, "{name} <{}>", self.address()),
        }
    }
}

impl FromStr for Sender {
    type Err = SenderError;

    /// Reads `exports@example.org`, `Big Events <exports@example.org>` or `"Events, Big" <exports@example.org>`.
    fn from_str(text: &str) -> Result<Self, SenderError> {
        let given = || text.to_owned();
        let trimmed = text.trim();
        let (name, address) = match trimmed.strip_suffix('>') {
            Some(rest) => rest
                .rsplit_once('<')
                .map(|(name, address)| (name.trim(), address))
                .ok_or_else(|| SenderError::NoAddress(given()))?,
            None => ("", trimmed),
        };
        let (local, domain) = address
            .rsplit_once('@')
            .filter(|(local, domain)| !local.is_empty() && !domain.is_empty())
            .ok_or_else(|| SenderError::NoAddress(given()))?;
        if !local.is_ascii() {
            return Err(SenderError::NotAscii(given()));
        }
        let domain = ascii_domain(domain)
            .filter(|domain| is_public(domain))
            .ok_or_else(|| SenderError::Domain(given()))?;
        let address = Address::new(local, domain)
            .ok()
            // A quoted local part can hold spaces and brackets, which no server needs of a sender.
            .filter(|address| {
                AsRef::<str>::as_ref(address)
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !b"<>\"".contains(&b))
            })
            .ok_or_else(|| SenderError::NoAddress(given()))?;
        let name = unquoted(name).ok_or_else(|| SenderError::Name(given()))?;
        if name.chars().count() > MAX_NAME || name.contains(super::is_control) {
            return Err(SenderError::Name(given()));
        }
        Ok(Self {
            name: (!name.is_empty()).then_some(name),
            address,
        })
    }
}

/// A name that mail servers take for a domain: with a dot, and no number at its end, as addresses have it. `localhost` is for trying out.
fn is_public(domain: &str) -> bool {
    let last_is_name = |(_, last): (&str, &str)| !last.bytes().all(|b| b.is_ascii_digit());
    domain == "localhost" || domain.rsplit_once('.').is_some_and(last_is_name)
}

/// The mailbox that From shows: the name in quotes or encoded words where it needs them.
pub(super) fn mailbox(name: Option<&str>, address: Address) -> Mailbox {
    Mailbox::new(name.map(str::to_owned), address)
}

/// A display name without the quotes around it; `None` where the quotes do not match.
fn unquoted(name: &str) -> Option<String> {
    let Some(rest) = name.strip_prefix('"') else {
        return (!name.contains(['"', '<', '>', '@'])).then(|| name.to_owned());
    };
    let (mut out, mut chars) = (String::new(), rest.chars());
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => out.push(chars.next()?),
            c => out.push(c),
        }
    }
    chars.next().is_none().then(|| out.trim().to_owned())
}

/// A domain in ASCII: labels beyond it in their `xn--` form (UTS 46), all in lower case. `None` where it is no host name.
pub(super) fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::Allow,
        DnsLength::Verify,
    );
    ascii.ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Option<String>, String), SenderError> {
        let sender: Sender = text.parse()?;
        Ok((sender.name().map(str::to_owned), sender.address().to_owned()))
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for (text, name, address) in [
            ("exports@x.org", None, "exports@x.org"),
            (" exports@x.org ", None, "exports@x.org"),
            ("<exports@x.org>", None, "exports@x.org"),
            ("Big Events <exports@x.org>", Some("Big Events"), "exports@x.org"),
            ("\"Events, Big\" <exports@x.org>", Some("Events, Big"), "exports@x.org"),
            (
                r#""The \"Big\" Events" <a@x.org>"#,
                Some("The \"Big\" Events"),
                "a@x.org",
            ),
            ("Große Feste <a+b.c@x.org>", Some("Große Feste"), "a+b.c@x.org"),
            ("exports@localhost", None, "exports@localhost"),
        ] {
            assert_eq!(read(text), Ok((name.map(str::to_owned), address.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_domain_beyond_ascii_is_turned_into_its_xn_form() {
        for (text, address) in [
            ("exports@bücher.example", "exports@xn--bcher-kva.example"),
            ("Bücher <exports@BÜCHER.example>", "exports@xn--bcher-kva.example"),
            ("exports@xn--bcher-kva.example", "exports@xn--bcher-kva.example"),
            ("exports@faß.example", "exports@xn--fa-hia.example"),
            ("exports@例え.テスト", "exports@xn--r8jz45g.xn--zckzah"),
        ] {
            assert_eq!(read(text).expect(text).1, address, "{text}");
        }
    }

    #[test]
    fn what_names_no_sender_is_refused_in_one_sentence_that_repeats_it() {
        let kind = |error: &SenderError| match error {
            SenderError::NoAddress(_) => "address",
            SenderError::NotAscii(_) => "ascii",
            SenderError::Domain(_) => "domain",
            SenderError::Name(_) => "name",
        };
        for (text, why) in [
            ("noreply", "address"),
            ("", "address"),
            ("@x.org", "address"),
            ("exports@", "address"),
            ("Big Events <noreply>", "address"),
            ("Big Events exports@x.org", "address"),
            ("exports@x.org>", "address"),
            ("a b@x.org", "address"),
            ("a..b@x.org", "address"),
            ("\"a b\"@x.org", "address"),
            ("a@x.org, b@x.org", "address"),
            ("größe@x.org", "ascii"),
            ("exports@x_y.org", "domain"),
            ("exports@x..org", "domain"),
            ("exports@x", "domain"),
            ("exports@x.123", "domain"),
            ("exports@127.0.0.1", "domain"),
            ("exports@xn--999999999.example", "domain"),
            ("exports@x.org\r\nBcc: b@x.org", "address"),
            ("exports@x.org\r\nBcc: b", "domain"),
            ("\"Big <exports@x.org>", "name"),
            ("Big\r\nBcc: b <exports@x.org>", "name"),
            ("a@y.org <exports@x.org>", "name"),
        ] {
            let error = read(text).expect_err(text);
            assert_eq!(kind(&error), why, "{text:?}: {error}");
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        let name = |length: usize| read(&format!("{} <a@x.org>", "n".repeat(length)));
        assert!(name(MAX_NAME).is_ok() && name(MAX_NAME + 1).is_err());
    }
}
