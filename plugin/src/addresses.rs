//! Lists of mail addresses as people give them: `mary@example.org, john@example.com`.
//!
//! An address is an addr-spec of RFC 5322 (3.4.1) with a dot-atom on the left, within the lengths of RFC 5321 (4.5.3.1),
//! at a host name of at least two labels. Quoted local parts, comments, address literals and non-ASCII are refused, and
//! with them everything that could end a header line or begin another address.

use crate::language::Language;
use crate::message::Fault;

/// Most addresses in one list.
pub const MOST: usize = 25;

/// Longest address: RFC 5321's path of 256 octets without its angle brackets.
const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;
const LONGEST_LABEL: usize = 63;

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFault {
    /// Nothing between two commas, or after the last one.
    Empty,
    NotAscii,
    TooLong,
    /// None, or more than one.
    At,
    /// What stands before the `@`.
    Local,
    /// What stands after it.
    Domain,
}

impl AddressFault {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty-address",
            Self::NotAscii => "address-not-ascii",
            Self::TooLong => "address-too-long",
            Self::At | Self::Local | Self::Domain => "not-an-address",
        }
    }

    pub(crate) fn message(self, given: &str, language: Language) -> String {
        match self {
            Self::Empty => language.pick(
                "An address is missing before or after a comma. Right is one comma between two addresses.".to_owned(),
                "Vor oder nach einem Komma fehlt eine Adresse. Richtig ist ein Komma zwischen zwei Adressen.".to_owned(),
            ),
            Self::NotAscii => language.pick(
                format!("{given} has characters beyond ASCII. Right is an address of ASCII characters, its domain in the form xn--…"),
                format!("{given} enthält Zeichen außerhalb von ASCII. Richtig ist eine Adresse aus ASCII-Zeichen, die Domain in der Form xn--…"),
            ),
            Self::TooLong => language.pick(
                format!("{given} is too long. Right are at most {LONGEST} characters, {LONGEST_LOCAL} of them before the @."),
                format!("{given} ist zu lang. Richtig sind höchstens {LONGEST} Zeichen, davon {LONGEST_LOCAL} vor dem @."),
            ),
            Self::At => language.pick(
                format!("{given} is no address. Right is one @ with a name before it and a domain after it."),
                format!("{given} ist keine Adresse. Richtig ist ein @ mit einem Namen davor und einer Domain danach."),
            ),
            Self::Local => language.pick(
                format!("{given} is no address. Right before the @ are letters, digits and signs such as + - _ with single dots between them."),
                format!("{given} ist keine Adresse. Richtig sind vor dem @ Buchstaben, Ziffern und Zeichen wie + - _, mit einzelnen Punkten dazwischen."),
            ),
            Self::Domain => language.pick(
                format!("{given} is no address. Right after the @ is a domain such as example.org."),
                format!("{given} ist keine Adresse. Richtig ist nach dem @ eine Domain wie example.org."),
            ),
        }
    }
}

/// Reads a list, of none for a blank text. Spaces around addresses are dropped; order and repetitions are kept.
///
/// With `domains`, every address must be at one of these, in any case.
///
/// # Errors
/// Every entry that is wrong; only their number if there are more than [`MOST`].
pub fn parse(text: &str, domains: Option<&[String]>) -> Result<Vec<String>, Vec<Fault>> {
    if text.bytes().all(|byte| byte == b' ') {
        return Ok(Vec::new());
    }
    let given = text.split(',').count();
    if given > MOST {
        return Err(vec![Fault::TooManyAddresses { most: MOST, given }]);
    }
    let mut faults = Vec::new();
    let mut addresses = Vec::with_capacity(given);
    for address in text.split(',').map(|entry| entry.trim_matches(' ')) {
        match check(address) {
            Err(why) => faults.push(Fault::Address {
                given: address.to_owned(),
                why,
            }),
            Ok(domain) => match domains {
                Some(domains) if !domains.iter().any(|allowed| allowed.eq_ignore_ascii_case(domain)) => {
                    faults.push(Fault::ForeignDomain {
                        given: address.to_owned(),
                        domains: domains.to_vec(),
                    });
                }
                _ => addresses.push(address.to_owned()),
            },
        }
    }
    if faults.is_empty() { Ok(addresses) } else { Err(faults) }
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

    #[test]
    fn a_list_is_trimmed_and_keeps_its_order_and_repetitions() {
        assert_eq!(parse("", None), Ok(vec![]));
        assert_eq!(parse("   ", None), Ok(vec![]));
        let list = parse(" b@x.org ,a@x.org,  b@x.org", None).expect("a list");
        assert_eq!(list, ["b@x.org", "a@x.org", "b@x.org"]);
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
}
