//! Lists of mail addresses as people give them: `mary@example.org, john@example.com`.
//!
//! An address is an addr-spec of RFC 5322 (3.4.1) with a dot-atom on the left, within the lengths of RFC 5321 (4.5.3.1),
//! at a host name of at least two labels. Quoted local parts, comments and address literals are rejected, and with them everything
//! that could end a header line or begin another address. A domain beyond ASCII is stored as `xn--` and shown as it was typed.

pub mod domain;

use crate::language::Language;
use crate::message::Fault;
use crate::text;

/// Most addresses in one list.
pub const MOST: usize = 25;

/// Longest address: RFC 5321's path of 256 octets without its angle brackets.
const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;
const LONGEST_LABEL: usize = 63;

/// An address that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// As it is stored and written to.
    pub ascii: String,
    /// As it was typed, where that is something else.
    pub typed: Option<String>,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFault {
    /// Nothing between two commas, or after the last one.
    Empty,
    /// Several addresses without a comma between them.
    NoComma,
    /// An address in angle brackets, as mail programs copy it, mostly with a name.
    Named,
    /// Before the `@`.
    NotAscii,
    TooLong,
    /// None, or more than one.
    At,
    /// What stands before the `@`.
    Local,
    /// What stands after it.
    Domain,
    /// A domain beyond ASCII that can't be written as `xn--` for sure.
    DomainNotAscii,
}

impl AddressFault {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty-address",
            Self::NotAscii | Self::DomainNotAscii => "address-not-ascii",
            Self::TooLong => "address-too-long",
            Self::NoComma | Self::Named | Self::At | Self::Local | Self::Domain => "invalid-address",
        }
    }

    pub(crate) fn message(self, given: &str, language: Language) -> String {
        match self {
            Self::Empty => text::address_empty(language).to_owned(),
            Self::NoComma => text::address_no_comma(language, given),
            Self::Named => text::address_named(language, given),
            Self::NotAscii => text::address_not_ascii(language, given),
            Self::DomainNotAscii => text::address_domain_not_ascii(language, given),
            Self::TooLong => text::address_too_long(language, given, LONGEST_LOCAL, LONGEST),
            Self::At => text::address_at(language, given),
            Self::Local => text::address_local(language, given),
            Self::Domain => text::address_domain(language, given),
        }
    }
}

/// Reads a list, of none for a blank text. White space around addresses is dropped; order and repetitions are kept.
///
/// With `domains`, every address must be at one of these, however they are written ([`domain::same`]).
///
/// # Errors
/// Every entry that is wrong; only their number if there are more than [`MOST`].
pub fn parse(text: &str, domains: Option<&[String]>) -> Result<Vec<Address>, Vec<Fault>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let given = text.split(',').count();
    if given > MOST {
        return Err(vec![Fault::TooManyAddresses { most: MOST, given }]);
    }
    let mut faults = Vec::new();
    let mut addresses = Vec::with_capacity(given);
    for entry in text.split(',').map(str::trim) {
        match read(entry) {
            Err(why) => faults.push(Fault::Address {
                given: entry.to_owned(),
                why,
            }),
            Ok(address) => match domains {
                Some(domains) if !is_at(&address.ascii, domains) => {
                    faults.push(Fault::ForeignDomain {
                        given: entry.to_owned(),
                        domains: domains.to_vec(),
                    });
                }
                _ => addresses.push(address),
            },
        }
    }
    if faults.is_empty() { Ok(addresses) } else { Err(faults) }
}

/// Whether an address is at one of these domains, however it and they are written.
#[must_use]
pub fn is_at(address: &str, domains: &[String]) -> bool {
    let of_address = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    domains.iter().any(|allowed| domain::same(allowed, of_address))
}

/// One address, with its domain as it is stored.
///
/// # Errors
/// Why it is none.
pub fn read(entry: &str) -> Result<Address, AddressFault> {
    // No address has a semicolon or a comma of another script, and none has two signs with white space or another separator between
    // them.
    let separates = |character: char| character.is_whitespace() || "|/\\&<>｜".contains(character);
    if entry.contains([';', '；', '؛', '，', '、', '،'])
        || (entry.matches('@').count() > 1 && entry.contains(separates))
    {
        return Err(AddressFault::NoComma);
    }
    if entry.ends_with('>') && entry.split_once('<').is_some_and(|(_, inside)| inside.contains('@')) {
        return Err(AddressFault::Named);
    }
    if entry.is_ascii() {
        check(entry)?;
        return Ok(Address {
            ascii: entry.to_owned(),
            typed: None,
        });
    }
    let (local, given) = entry.split_once('@').ok_or(AddressFault::At)?;
    if !local.is_ascii() {
        return Err(AddressFault::NotAscii);
    }
    if given.contains('@') {
        return Err(AddressFault::At);
    }
    let ascii = domain::to_ascii(given).ok_or(AddressFault::DomainNotAscii)?;
    let ascii = format!("{local}@{ascii}");
    check(&ascii)?;
    Ok(Address {
        ascii,
        typed: Some(entry.to_owned()),
    })
}

/// Whether this is an address; its domain.
///
/// # Errors
/// Why it is none.
pub fn check(address: &str) -> Result<&str, AddressFault> {
    if address.is_empty() {
        return Err(AddressFault::Empty);
    }
    if !address.is_ascii() {
        return Err(AddressFault::NotAscii);
    }
    let (local, domain) = address.split_once('@').ok_or(AddressFault::At)?;
    if local.is_empty() || domain.is_empty() || domain.contains('@') {
        return Err(AddressFault::At);
    }
    if address.len() > LONGEST || local.len() > LONGEST_LOCAL {
        return Err(AddressFault::TooLong);
    }
    let atom = |atom: &str| !atom.is_empty() && atom.bytes().all(is_atom_text);
    if !local.split('.').all(atom) {
        return Err(AddressFault::Local);
    }
    let label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A last label of digits only would be the end of an IP address.
    let named = |last: &str| !last.bytes().all(|byte| byte.is_ascii_digit());
    match domain.rsplit_once('.') {
        Some((_, last)) if named(last) && domain.split('.').all(label) => Ok(domain),
        _ => Err(AddressFault::Domain),
    }
}

/// `atext` of RFC 5322, 3.2.3.
fn is_atom_text(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_are_taken_up_to_their_longest() {
        let longest_local = format!("{}@example.org", "a".repeat(64));
        let longest_label = format!("a@{}.org", "b".repeat(63));
        // 1 + 1 + 3 * 64 + 56 + 4 = 254
        let longest = format!("a@{0}.{0}.{0}.{1}.org", "b".repeat(63), "c".repeat(56));
        assert_eq!(longest.len(), LONGEST);
        for address in [
            "mary@example.org",
            "a@b.c",
            "Mary.O'Neil+tag@Example.ORG",
            "!#$%&'*+-/=?^_`{|}~@x-1.example",
            "a@xn--bcher-kva.example",
            "a@1.2.3.x",
            &longest_local,
            &longest_label,
            &longest,
        ] {
            assert!(check(address).is_ok(), "{address}");
        }
    }

    #[test]
    fn what_is_no_address_or_one_character_too_long_is_refused() {
        use AddressFault::{At, Domain, Empty, Local, NotAscii, TooLong};
        for (address, why) in [
            (String::new(), Empty),
            ("mary".into(), At),
            ("@example.org".into(), At),
            ("mary@".into(), At),
            ("a@b@c.org".into(), At),
            (".a@b.org".into(), Local),
            ("a.@b.org".into(), Local),
            ("a..b@c.org".into(), Local),
            ("a b@c.org".into(), Local),
            ("\"a b\"@c.org".into(), Local),
            ("a(x)@c.org".into(), Local),
            ("Mary <a@c.org".into(), Local),
            ("a@c.org>".into(), Domain),
            ("a@c.org\r\nBcc: x@y.org".into(), At),
            ("a@c.org\n".into(), Domain),
            ("\ta@c.org".into(), Local),
            ("a\0@c.org".into(), Local),
            ("a@localhost".into(), Domain),
            ("a@-b.org".into(), Domain),
            ("a@b-.org".into(), Domain),
            ("a@b..org".into(), Domain),
            ("a@b.org.".into(), Domain),
            ("a@b_c.org".into(), Domain),
            ("a@127.0.0.1".into(), Domain),
            ("a@[127.0.0.1]".into(), Domain),
            ("mary@bücher.example".into(), NotAscii),
            ("marý@example.org".into(), NotAscii),
            (format!("{}@example.org", "a".repeat(65)), TooLong),
            (format!("a@{}.org", "b".repeat(64)), Domain),
            (
                format!("a@{0}.{0}.{0}.{1}.org", "b".repeat(63), "c".repeat(57)),
                TooLong,
            ),
        ] {
            assert_eq!(check(&address), Err(why), "{address}");
        }
    }

    fn ascii(text: &str) -> Vec<String> {
        let list = parse(text, None).unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
        list.into_iter().map(|address| address.ascii).collect()
    }

    #[test]
    fn white_space_of_any_kind_around_addresses_is_dropped_and_order_and_repetitions_are_kept() {
        for blank in ["", "   ", "\n", "\t\r\n \u{a0}\u{2003}"] {
            assert_eq!(parse(blank, None), Ok(vec![]));
        }
        for text in [
            " b@x.org ,a@x.org,  b@x.org",
            "b@x.org,\n\ta@x.org,\r\n b@x.org\n",
            "\u{a0}b@x.org\u{a0},\u{2003}a@x.org\t,b@x.org\u{2028}",
        ] {
            assert_eq!(ascii(text), ["b@x.org", "a@x.org", "b@x.org"], "{text:?}");
        }
    }

    #[test]
    fn a_domain_beyond_ascii_is_stored_as_xn_and_remembered_as_typed() {
        let list = parse("A@Exämple.org, b@X.org", None).expect("a list");
        let shown: Vec<_> = list
            .iter()
            .map(|one| (one.ascii.as_str(), one.typed.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [("A@xn--exmple-cua.org", Some("A@Exämple.org")), ("b@X.org", None)]
        );
        // With the full stops of input methods for Chinese and Japanese.
        for (given, ascii) in [
            ("a@bücher。example", "a@xn--bcher-kva.example"),
            ("a@example。org", "a@example.org"),
            ("a@例え．テスト", "a@xn--r8jz45g.xn--zckzah"),
            ("a@例え｡テスト", "a@xn--r8jz45g.xn--zckzah"),
        ] {
            let read = read(given).expect(given);
            assert_eq!((read.ascii.as_str(), read.typed.as_deref()), (ascii, Some(given)));
        }
        for (given, why) in [
            ("a@exämple。", AddressFault::Domain),
            ("a@exämple。。org", AddressFault::Domain),
            ("a。b@exämple.org", AddressFault::NotAscii),
            ("marý@example.org", AddressFault::NotAscii),
            ("marý@exämple.org", AddressFault::NotAscii),
            ("a@exa\u{308}mple.org", AddressFault::DomainNotAscii),
            ("a@b@exämple.org", AddressFault::At),
            ("@exämple.org", AddressFault::At),
            ("a@exämple", AddressFault::Domain),
            ("a@exämple.org.", AddressFault::Domain),
            ("a@exämple..org", AddressFault::Domain),
            ("a@exämple.123", AddressFault::Domain),
            ("a@exämple.-x.org", AddressFault::Domain),
            ("a\u{a0}@exämple.org", AddressFault::NotAscii),
            ("a b@exämple.org", AddressFault::Local),
        ] {
            assert_eq!(read(given), Err(why), "{given}");
        }
    }

    #[test]
    fn addresses_without_a_comma_between_them_are_told_that_one_belongs_there() {
        for text in [
            "a@x.org; b@x.org",
            "a@x.org;b@x.org",
            "a@x.org;",
            "a@x.org b@x.org",
            "a@x.org\nb@x.org",
            "a@exämple.org; b@x.org",
            "a@x.org؛ b@x.org",
            "a@x.org، b@x.org",
            "a@x.org،",
            "a@x.org，b@x.org",
            "Mary <a@x.org>; John <b@x.org>",
            "Mary <a@x.org> John <b@x.org>",
        ] {
            let faults = parse(text, None).expect_err(text);
            assert_eq!(faults.len(), 1, "{text}");
            for (language, comma) in [(Language::English, "commas"), (Language::German, "Kommas")] {
                let message = faults[0].message(language);
                assert!(message.contains(comma), "{message}");
            }
        }
    }

    #[test]
    fn an_address_with_a_name_is_told_to_go_without_it() {
        for text in [
            "Mary <a@x.org>",
            "<a@x.org>",
            "Märy <a@x.org>",
            "\"Mary\" <a@exämple.org>",
        ] {
            let faults = parse(text, None).expect_err(text);
            assert_eq!(faults.len(), 1, "{text}");
            for (language, words) in [
                (Language::English, "angle brackets"),
                (Language::German, "spitze Klammern"),
            ] {
                let message = faults[0].message(language);
                assert!(message.contains(words), "{message}");
            }
        }
        assert_eq!(read("Mary <a>"), Err(AddressFault::At));
    }

    #[test]
    fn every_wrong_entry_of_a_list_is_told_and_an_empty_one_is_wrong() {
        for text in ["a@x.org,", ",a@x.org", "a@x.org, ,b@x.org", ","] {
            let faults = parse(text, None).expect_err(text);
            assert!(faults.iter().all(|fault| fault.code() == "empty-address"), "{text}");
        }
        assert_eq!(parse("a,b@x.org,c", None).expect_err("two are wrong").len(), 2);
    }

    #[test]
    fn a_list_has_at_most_25_entries() {
        let list = |length| vec!["a@x.org"; length].join(",");
        assert_eq!(parse(&list(25), None).map(|list| list.len()), Ok(25));
        let over = parse(&list(26), None);
        assert_eq!(over, Err(vec![Fault::TooManyAddresses { most: 25, given: 26 }]));
    }

    #[test]
    fn only_the_named_domains_are_taken_in_any_case_and_not_what_is_below_them() {
        let domains = ["example.org".to_owned()];
        assert!(parse("a@Example.ORG", Some(&domains)).is_ok());
        for address in ["a@sub.example.org", "a@example.com", "a@notexample.org"] {
            let faults = parse(address, Some(&domains)).expect_err(address);
            assert_eq!(faults[0].code(), "domain-not-allowed");
            assert!(faults[0].message(Language::English).contains(address));
        }
        assert!(parse("a@example.org", Some(&[])).is_err());
    }

    #[test]
    fn the_named_domains_are_taken_and_others_not_however_either_is_written() {
        for allowed in [
            "exämple.org",
            "EXÄMPLE.ORG",
            "xn--exmple-cua.org",
            "Xn--Exmple-Cua.org.",
        ] {
            let domains = [allowed.to_owned()];
            for address in [
                "a@exämple.org",
                "a@EXÄMPLE.org",
                "a@xn--exmple-cua.org",
                "a@XN--EXMPLE-CUA.ORG",
                "a@exämple。org",
            ] {
                assert!(parse(address, Some(&domains)).is_ok(), "{address} at {allowed}");
            }
            for address in [
                "a@example.org",
                "a@exàmple.org",
                "a@exämple.org.",
                "a@exämple.org.evil.com",
                "a@evil.com@exämple.org",
                "a@evil.com,b@exämple.org",
                "a@ｅxämple.org",
                "a@exämple。evil。org",
                "a@exa\u{308}mple.org",
                "a@еxämple.org", // its first letter is Cyrillic
            ] {
                assert!(parse(address, Some(&domains)).is_err(), "{address} at {allowed}");
            }
        }
    }
}
