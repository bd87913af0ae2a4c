//! Domain names in the form that mail servers use: lower case, with A-labels (`xn--`; RFC 5890, RFC 3492).

use std::iter;

const MAX_LABEL_LEN: usize = 63;

/// The full stops of Chinese and Japanese input methods, each of which is a dot of a domain (RFC 5891, UTS #46).
const DOTS: [char; 3] = ['\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// The domain for comparison and sending: in lower case, with A-labels. Only case and the dots of input methods are mapped.
///
/// `None` if a character would have to be decomposed, composed or replaced first (a letter with a separate accent, full-width letters),
/// as the domain might look like another one. Does not check that the result is a host name.
#[must_use]
pub fn to_ascii(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return Some(domain.to_ascii_lowercase());
    }
    let mut ascii = String::with_capacity(domain.len() + 8);
    let is_dot = |character: char| character == '.' || DOTS.contains(&character);
    for (index, label) in domain.split(is_dot).enumerate() {
        if index > 0 {
            ascii.push('.');
        }
        if label.is_ascii() {
            ascii.push_str(&label.to_ascii_lowercase());
            continue;
        }
        let lower: Vec<char> = label.chars().flat_map(char::to_lowercase).collect();
        let fits = !label.starts_with('-') && !label.ends_with('-') && lower.len() <= MAX_LABEL_LEN;
        // The lower case of the kelvin sign, say, is an ASCII letter: the name might look like another one.
        if !fits || lower.iter().all(char::is_ascii) || !lower.iter().copied().all(is_letter) {
            return None;
        }
        ascii.push_str("xn--");
        ascii.push_str(&punycode(&lower)?);
    }
    Some(ascii)
}

/// Whether two domains are the same. Ignores case, the difference between A-labels and U-labels, and a dot at the end.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    let form = |domain: &str| {
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        to_ascii(domain)
    };
    match (form(one), form(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// Whether a character is a letter that no mapping replaces, an ASCII digit or a hyphen.
fn is_letter(character: char) -> bool {
    match character {
        '-' | '0'..='9' => true,
        // Marks that join, silence or tone a letter of their script, and are part of its spelling.
        '\u{94d}'
        | '\u{9cd}'
        | '\u{a4d}'
        | '\u{acd}'
        | '\u{b4d}'
        | '\u{bcd}'
        | '\u{c4d}'
        | '\u{ccd}'
        | '\u{d4d}'
        | '\u{dca}'
        | '\u{e47}'..='\u{e4c}'
        | '\u{ec8}'..='\u{ecc}'
        | '\u{1039}'..='\u{103a}'
        | '\u{17d2}' => true,
        // Variants of other letters, in which no names are registered: modifiers, ordinals, parts of Korean syllables, letter-like signs,
        // enclosed, compatibility, presentation and full-width forms, mathematical letters.
        'ª'
        | 'º'
        | '\u{2b0}'..='\u{2ff}'
        | '\u{1100}'..='\u{11ff}'
        | '\u{1d2c}'..='\u{1d6a}'
        | '\u{2100}'..='\u{218f}'
        | '\u{2460}'..='\u{24ff}'
        | '\u{3131}'..='\u{318f}'
        | '\u{f900}'..='\u{ffff}'
        | '\u{1d400}'..='\u{1d7ff}'
        | '\u{1f100}'..='\u{1f1ff}'
        | '\u{2f800}'..='\u{2fa1f}' => false,
        // More of them: letters that compatibility normalization (NFKC) replaces, and those whose lower case names do not use (Cherokee).
        'µ'
        | '\u{132}'..='\u{133}'
        | '\u{13f}'..='\u{140}'
        | '\u{149}'
        | '\u{17f}'
        | '\u{1c4}'..='\u{1cc}'
        | '\u{1f1}'..='\u{1f3}'
        | '\u{340}'..='\u{341}'
        | '\u{343}'..='\u{345}'
        | '\u{374}'
        | '\u{37a}'
        | '\u{3d0}'..='\u{3d6}'
        | '\u{3f0}'..='\u{3f2}'
        | '\u{3f5}'
        | '\u{3f9}'
        | '\u{587}'
        | '\u{675}'..='\u{678}'
        | '\u{958}'..='\u{95f}'
        | '\u{9dc}'..='\u{9df}'
        | '\u{a33}'
        | '\u{a36}'
        | '\u{a59}'..='\u{a5e}'
        | '\u{b5c}'..='\u{b5d}'
        | '\u{e33}'
        | '\u{eb3}'
        | '\u{edc}'..='\u{edd}'
        | '\u{f43}'
        | '\u{f4d}'
        | '\u{f52}'
        | '\u{f57}'
        | '\u{f5c}'
        | '\u{f69}'
        | '\u{f73}'
        | '\u{f75}'..='\u{f79}'
        | '\u{f81}'
        | '\u{f93}'
        | '\u{f9d}'
        | '\u{fa2}'
        | '\u{fa7}'
        | '\u{fac}'
        | '\u{fb9}'
        | '\u{10fc}'
        | '\u{1d78}'
        | '\u{1d9b}'..='\u{1dbf}'
        | '\u{13a0}'..='\u{13fd}'
        | '\u{ab70}'..='\u{abbf}'
        | '\u{1c80}'..='\u{1c88}'
        | '\u{1e030}'..='\u{1e06d}'
        | '\u{1e9a}'..='\u{1e9b}'
        | '\u{1f71}'
        | '\u{1f73}'
        | '\u{1f75}'
        | '\u{1f77}'
        | '\u{1f79}'
        | '\u{1f7b}'
        | '\u{1f7d}'
        | '\u{1f80}'..='\u{1faf}'
        | '\u{1fb2}'..='\u{1fb4}'
        | '\u{1fb7}'
        | '\u{1fbb}'..='\u{1fbe}'
        | '\u{1fc2}'..='\u{1fc4}'
        | '\u{1fc7}'
        | '\u{1fc9}'
        | '\u{1fcb}'..='\u{1fcc}'
        | '\u{1fd3}'
        | '\u{1fdb}'
        | '\u{1fe3}'
        | '\u{1feb}'
        | '\u{1ff2}'..='\u{1ff4}'
        | '\u{1ff7}'
        | '\u{1ff9}'
        | '\u{1ffb}'..='\u{1ffc}'
        | '\u{2071}'..='\u{209c}'
        | '\u{2c7c}'..='\u{2c7d}'
        | '\u{2d6f}'
        | '\u{3038}'..='\u{303a}'
        | '\u{309f}'
        | '\u{30ff}'
        | '\u{a69c}'..='\u{a69d}'
        | '\u{a770}'
        | '\u{a7f1}'..='\u{a7f9}'
        | '\u{ab5c}'..='\u{ab69}'
        | '\u{10780}'..='\u{107bf}'
        | '\u{1ee00}'..='\u{1eeff}' => false,
        // A separate accent is not a letter.
        other => other.is_alphabetic(),
    }
}

/// Encodes a label (RFC 3492, section 6.3); `None` if it does not fit after `xn--`.
fn punycode(label: &[char]) -> Option<String> {
    const BASE: u32 = 36;
    const SKEW: u32 = 38;
    const DAMP: u32 = 700;
    const FIRST: u32 = 128;
    let mut output: String = label.iter().filter(|character| character.is_ascii()).collect();
    let basic = u32::try_from(output.len()).ok()?;
    if basic > 0 {
        output.push('-');
    }
    let (mut code, mut delta, mut bias, mut handled) = (FIRST, 0_u32, 72_u32, basic);
    let total = u32::try_from(label.len()).ok()?;
    while handled < total {
        let next = label
            .iter()
            .map(|character| u32::from(*character))
            .filter(|next| *next >= code)
            .min()?;
        delta = delta.checked_add((next - code).checked_mul(handled + 1)?)?;
        code = next;
        for character in label.iter().map(|character| u32::from(*character)) {
            if character < code {
                delta = delta.checked_add(1)?;
            }
            if character != code {
                continue;
            }
            let mut rest = delta;
            for k in iter::successors(Some(BASE), |k| Some(k + BASE)) {
                let threshold = k.saturating_sub(bias).clamp(1, 26);
                if rest < threshold {
                    break;
                }
                output.push(digit(threshold + (rest - threshold) % (BASE - threshold)));
                rest = (rest - threshold) / (BASE - threshold);
            }
            output.push(digit(rest));
            // The thresholds adapt to how far apart the characters are (section 6.1).
            delta = if handled == basic { delta / DAMP } else { delta / 2 };
            delta += delta / (handled + 1);
            let mut k = 0;
            while delta > (BASE - 1) * 26 / 2 {
                delta /= BASE - 1;
                k += BASE;
            }
            bias = k + BASE * delta / (delta + SKEW);
            delta = 0;
            handled += 1;
        }
        delta += 1;
        code += 1;
    }
    (output.len() + 4 <= MAX_LABEL_LEN).then_some(output)
}

/// `a` to `z` for 0 to 25, `0` to `9` for 26 to 35.
fn digit(value: u32) -> char {
    char::from_digit(if value < 26 { value + 10 } else { value - 26 }, 36).unwrap_or('a')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_domain_beyond_ascii_is_written_as_xn_in_lower_case_and_every_other_only_in_lower_case() {
        for (given, want) in [
            ("Example.ORG", "example.org"),
            ("exämple.org", "xn--exmple-cua.org"),
            ("EXÄMPLE.Org", "xn--exmple-cua.org"),
            ("XN--EXMPLE-CUA.org", "xn--exmple-cua.org"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("mail.bücher-straße.de", "mail.xn--bcher-strae-46a18a.de"),
            ("παράδειγμα.δοκιμή", "xn--hxajbheg2az3al.xn--jxalpdlp"),
            ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
            ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
            ("예제.한국", "xn--2j5b21b.xn--3e0b707e"),
            ("bücher。example", "xn--bcher-kva.example"),
            ("Example．ORG", "example.org"),
            ("例え｡テスト", "xn--r8jz45g.xn--zckzah"),
        ] {
            assert_eq!(to_ascii(given).as_deref(), Some(want), "{given}");
        }
    }

    #[test]
    fn what_only_looks_like_a_letter_gives_no_domain() {
        for given in [
            "exa\u{308}mple.org", // an accent of its own
            "ｅxample.org",
            "ｅｘａｍｐｌｅ.org",
            "exam\u{ad}ple.org",
            "exam\u{200d}ple.org",
            "exam\u{202e}ple.org",
            "ex ämple.org",
            "ex@ämple.org",
            "ex\u{0}ämple.org",
            "ex;ämple.org",
            "-ä.org",
            "ä-.org",
            "ﬁ.org",
            "𝐚.org",
            "ℯ.org",
            "Ⓐ.org",
            "２.org",
            "☃.net",
        ] {
            assert_eq!(to_ascii(given), None, "{given}");
        }
        assert_eq!(to_ascii(&format!("{}.org", "ä".repeat(64))), None);
        assert_eq!(to_ascii(&format!("ä{}.org", "b".repeat(60))), None);
    }

    #[test]
    fn domains_are_the_same_however_they_are_written() {
        for other in [
            "exämple.org",
            "EXÄMPLE.ORG",
            "xn--exmple-cua.org",
            "Xn--Exmple-Cua.Org",
            "exämple.org.",
        ] {
            assert!(same("exämple.org", other), "{other}");
        }
        for other in [
            "example.org",
            "exämple.org.evil.com",
            "a.exämple.org",
            "exämple.org..",
            "",
            ".",
            "ｅxämple.org",
        ] {
            assert!(!same("exämple.org", other), "{other}");
        }
    }

    #[test]
    fn a_letter_is_taken_as_idna_takes_it_or_not_at_all() {
        let all = ('\u{80}'..=char::MAX).map(|letter| format!("x{letter}x.org"));
        let differs = |domain: &String| match (to_ascii(domain), idna::domain_to_ascii(domain)) {
            (Some(ours), Ok(theirs)) => ours != theirs,
            _ => false,
        };
        assert_eq!(all.filter(differs).collect::<Vec<_>>(), Vec::<String>::new());
    }

    #[test]
    fn names_with_signs_of_their_script_are_taken() {
        for name in ["परीक्षा.example", "சிங்கப்பூர்", "สั่ง.example", "ไทย.example"]
        {
            assert_eq!(to_ascii(name), idna::domain_to_ascii(name).ok(), "{name}");
        }
        for name in ["ĳs.nl", "คำ.example", "µ.example", "ſ.example", "क़.example"] {
            assert_eq!(to_ascii(name), None, "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        /// What is taken is what UTS #46 (the crate idna) makes of it.
        #[test]
        fn what_is_taken_is_what_idna_makes_of_it(label in "[a-zA-Z0-9äöüßÄÖÜéàñçøåœłżčšğ-]{1,30}|[α-ωа-яА-Я0-9]{1,20}|[一-鿿あ-んア-ン가-힣]{1,15}") {
            let domain = format!("{label}.org");
            if let (Some(ours), Ok(theirs)) = (to_ascii(&domain), idna::domain_to_ascii(&domain)) {
                prop_assert_eq!(ours, theirs);
            }
        }

        #[test]
        fn any_text_gives_ascii_in_lower_case_or_nothing(text in any::<String>()) {
            if let Some(ascii) = to_ascii(&text) {
                prop_assert!(ascii.is_ascii() && !ascii.bytes().any(|byte| byte.is_ascii_uppercase()));
                let again = to_ascii(&ascii);
                prop_assert_eq!(again, Some(ascii));
            }
        }
    }
}
