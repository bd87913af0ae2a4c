//! Comma-separated lists of email addresses: `mary@example.org, john@example.com`.
//!
//! An address is an addr-spec (RFC 5322, section 3.4.1) with a dot-atom as local part, within the lengths of RFC 5321 (section 4.5.3.1),
//! at a host name of at least two labels. Quoted local parts, comments and address literals are rejected, and with them everything
//! that could end a header line or begin another address. An internationalized domain is stored as A-labels (`xn--`) and shown as it was
//! typed.

pub mod domain;

use crate::language::Language;
use crate::message::ValidationError;
use crate::text;

/// Maximum number of addresses in one list.
pub const MAX_ADDRESSES: usize = 25;

/// Maximum length of an address: the path of 256 octets of RFC 5321 without its angle brackets.
const MAX_ADDRESS_LEN: usize = 254;
const MAX_LOCAL_PART_LEN: usize = 64;
const MAX_LABEL_LEN: usize = 63;

/// A valid address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// In ASCII: stored, and used in mail.
    pub ascii: String,
    /// As it was typed, if that differs.
    pub typed: Option<String>,
}

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// Nothing between two commas, or after the last one.
    Empty,
    /// Several addresses without a comma between them.
    NoComma,
    /// An address in angle brackets, as mail clients copy it, usually with a display name.
    Named,
    /// Characters beyond ASCII in the local part.
    NotAscii,
    TooLong,
    /// No `@`, or more than one.
    At,
    /// The local part, before the `@`.
    Local,
    /// The domain, after the `@`.
    Domain,
    /// An internationalized domain that cannot safely be converted to A-labels.
    DomainNotAscii,
}

impl AddressError {
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
            Self::TooLong => text::address_too_long(language, given, MAX_LOCAL_PART_LEN, MAX_ADDRESS_LEN),
            Self::At => text::address_at(language, given),
            Self::Local => text::address_local(language, given),
            Self::Domain => text::address_domain(language, given),
        }
    }
}

/// Parses a list; a blank text is the empty list. White space around addresses is dropped; order and repetitions are preserved.
///
/// With `domains`, every address must be at one of these, compared with [`domain::same`].
///
/// # Errors
/// One error per invalid entry; only `TooManyAddresses` if there are more than [`MAX_ADDRESSES`].
pub fn parse(text: &str, domains: Option<&[String]>) -> Result<Vec<Address>, Vec<ValidationError>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let given = text.split(',').count();
    if given > MAX_ADDRESSES {
        return Err(vec![ValidationError::TooManyAddresses {
            max: MAX_ADDRESSES,
            given,
        }]);
    }
    let mut errors = Vec::new();
    let mut addresses = Vec::with_capacity(given);
    for entry in text.split(',').map(str::trim) {
        match read(entry) {
            Err(why) => errors.push(ValidationError::Address {
                given: entry.to_owned(),
                why,
            }),
            Ok(address) => match domains {
                Some(domains) if !is_at(&address.ascii, domains) => {
                    errors.push(ValidationError::DomainNotAllowed {
                        given: entry.to_owned(),
                        domains: domains.to_vec(),
                    });
                }
                _ => addresses.push(address),
            },
        }
    }
    if errors.is_empty() { Ok(addresses) } else { Err(errors) }
}

/// Whether an address is at one of these domains, compared with [`domain::same`].
#[must_use]
pub fn is_at(address: &str, domains: &[String]) -> bool {
    let of_address = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    domains.iter().any(|allowed| domain::same(allowed, of_address))
}

/// Parses one address.
///
/// # Errors
/// Why the text is not an address.
pub fn read(entry: &str) -> Result<Address, AddressError> {
    // No address contains a semicolon or a comma of another script, or two `@` with white space or another separator between them.
    let separates = |character: char| character.is_whitespace() || "|/\\&<>｜".contains(character);
    if entry.contains([';', '；', '؛', '，', '、', '،'])
        || (entry.matches('@').count() > 1 && entry.contains(separates))
    {
        return Err(AddressError::NoComma);
    }
    if entry.ends_with('>') && entry.split_once('<').is_some_and(|(_, inside)| inside.contains('@')) {
        return Err(AddressError::Named);
    }
    if entry.is_ascii() {
        check(entry)?;
        return Ok(Address {
            ascii: entry.to_owned(),
            typed: None,
        });
    }
    let (local, given) = entry.split_once('@').ok_or(AddressError::At)?;
    if !local.is_ascii() {
        return Err(AddressError::NotAscii);
    }
    if given.contains('@') {
        return Err(AddressError::At);
    }
    let ascii = domain::to_ascii(given).ok_or(AddressError::DomainNotAscii)?;
    let ascii = format!("{local}@{ascii}");
    check(&ascii)?;
    Ok(Address {
        ascii,
        typed: Some(entry.to_owned()),
    })
}

/// Validates an address in ASCII and returns its domain.
///
/// # Errors
/// Why the text is not an address.
pub fn check(address: &str) -> Result<&str, AddressError> {
    if address.is_empty() {
        return Err(AddressError::Empty);
    }
    if !address.is_ascii() {
        return Err(AddressError::NotAscii);
    }
    let (local, domain) = address.split_once('@').ok_or(AddressError::At)?;
    if local.is_empty() || domain.is_empty() || domain.contains('@') {
        return Err(AddressError::At);
    }
    if address.len() > MAX_ADDRESS_LEN || local.len() > MAX_LOCAL_PART_LEN {
        return Err(AddressError::TooLong);
    }
    let atom = |atom: &str| !atom.is_empty() && atom.bytes().all(is_atom_text);
    if !local.split('.').all(atom) {
        return Err(AddressError::Local);
    }
    let label = |label: &str| {
        (1..=MAX_LABEL_LEN).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A last label of only digits would be the end of an IP address.
    let named = |last: &str| !last.bytes().all(|byte| byte.is_ascii_digit());
    match domain.rsplit_once('.') {
        Some((_, last)) if named(last) && domain.split('.').all(label) => Ok(domain),
        _ => Err(AddressError::Domain),
    }
}

/// `atext` of RFC 5322, section 3.2.3.
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
        assert_eq!(longest.len(), MAX_ADDRESS_LEN);
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
        use AddressError::{At, Domain, Empty, Local, NotAscii, TooLong};
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
        let list = parse(text, None).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
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
            ("a@exämple。", AddressError::Domain),
            ("a@exämple。。org", AddressError::Domain),
            ("a。b@exämple.org", AddressError::NotAscii),
            ("marý@example.org", AddressError::NotAscii),
            ("marý@exämple.org", AddressError::NotAscii),
            ("a@exa\u{308}mple.org", AddressError::DomainNotAscii),
            ("a@b@exämple.org", AddressError::At),
            ("@exämple.org", AddressError::At),
            ("a@exämple", AddressError::Domain),
            ("a@exämple.org.", AddressError::Domain),
            ("a@exämple..org", AddressError::Domain),
            ("a@exämple.123", AddressError::Domain),
            ("a@exämple.-x.org", AddressError::Domain),
            ("a\u{a0}@exämple.org", AddressError::NotAscii),
            ("a b@exämple.org", AddressError::Local),
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
            let errors = parse(text, None).expect_err(text);
            assert_eq!(errors.len(), 1, "{text}");
            for (language, comma) in [(Language::English, "commas"), (Language::German, "Kommas")] {
                let message = errors[0].message(language);
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
            let errors = parse(text, None).expect_err(text);
            assert_eq!(errors.len(), 1, "{text}");
            for (language, words) in [
                (Language::English, "angle brackets"),
                (Language::German, "spitze Klammern"),
            ] {
                let message = errors[0].message(language);
                assert!(message.contains(words), "{message}");
            }
        }
        assert_eq!(read("Mary <a>"), Err(AddressError::At));
    }

    #[test]
    fn every_wrong_entry_of_a_list_is_told_and_an_empty_one_is_wrong() {
        for text in ["a@x.org,", ",a@x.org", "a@x.org, ,b@x.org", ","] {
            let errors = parse(text, None).expect_err(text);
            assert!(errors.iter().all(|error| error.code() == "empty-address"), "{text}");
        }
        assert_eq!(parse("a,b@x.org,c", None).expect_err("two are wrong").len(), 2);
    }

    #[test]
    fn a_list_has_at_most_25_entries() {
        let list = |length| vec!["a@x.org"; length].join(",");
        assert_eq!(parse(&list(25), None).map(|list| list.len()), Ok(25));
        let over = parse(&list(26), None);
        assert_eq!(
            over,
            Err(vec![ValidationError::TooManyAddresses { max: 25, given: 26 }])
        );
    }

    #[test]
    fn only_the_named_domains_are_taken_in_any_case_and_not_what_is_below_them() {
        let domains = ["example.org".to_owned()];
        assert!(parse("a@Example.ORG", Some(&domains)).is_ok());
        for address in ["a@sub.example.org", "a@example.com", "a@notexample.org"] {
            let errors = parse(address, Some(&domains)).expect_err(address);
            assert_eq!(errors[0].code(), "domain-not-allowed");
            assert!(errors[0].message(Language::English).contains(address));
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
