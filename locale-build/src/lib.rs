//! Compiles the texts of this project from Fluent catalogs (`locales/en.ftl`, `locales/de.ftl`) to Rust, for build scripts.
//!
//! Each message becomes one function, whose parameters are the message's variables in alphabetical order. A variable that is
//! selected on, or that stands in `NUMBER()`, is a number; any other is text, and is inserted as it is: whoever passes a text
//! of strangers quotes it first. No code that reads Fluent is in the program that is built.
//!
//! The build fails for a message that one catalog lacks, has on top, or has with other variables. A message that nothing uses
//! fails it too if the module that includes the code denies `dead_code`.
//!
//! A new language is a line in [`LANGUAGES`] and a catalog beside the others in each `locales` directory.

mod catalog;
mod code;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use catalog::{Catalog, problems};

/// A language that texts are written in.
#[derive(Clone, Copy, Debug)]
pub struct Language {
    /// BCP 47 primary language, and the name of the catalog.
    pub tag: &'static str,
    /// Variant of the enum `Language`.
    pub name: &'static str,
    /// Plural categories for whole numbers, apart from `other`: each as the pattern of a `match` arm.
    pub plurals: &'static [(&'static str, &'static str)],
}

/// All languages. The first is the one to fall back to.
pub const LANGUAGES: &[Language] = &[
    Language::new("en", "English", plurals::ONE),
    Language::new("de", "German", plurals::ONE),
];

impl Language {
    const fn new(tag: &'static str, name: &'static str, plurals: &'static [(&'static str, &'static str)]) -> Self {
        Self { tag, name, plurals }
    }
}

/// Plural categories of the CLDR, for whole numbers.
pub mod plurals {
    /// One form for every number: Japanese, Chinese, Turkish.
    pub const NONE: &[(&str, &str)] = &[];
    /// Dutch, English, German, Italian, Spanish, Swedish.
    pub const ONE: &[(&str, &str)] = &[("one", "1")];
    /// French, Portuguese: zero is singular.
    pub const UP_TO_ONE: &[(&str, &str)] = &[("one", "0 | 1")];
    /// Czech, Slovak.
    pub const CZECH: &[(&str, &str)] = &[("one", "1"), ("few", "2..=4")];
    /// Polish. No whole number is `other`.
    pub const POLISH: &[(&str, &str)] = &[
        ("one", "1"),
        ("few", "n if matches!(n % 10, 2..=4) && !matches!(n % 100, 12..=14)"),
        ("many", "n if n != 1"),
    ];
    /// Russian, Ukrainian. No whole number is `other`.
    pub const RUSSIAN: &[(&str, &str)] = &[
        ("one", "n if n % 10 == 1 && n % 100 != 11"),
        ("few", "n if matches!(n % 10, 2..=4) && !matches!(n % 100, 12..=14)"),
        ("many", "n if n % 10 != 1 || n % 100 == 11"),
    ];
}

/// The enum `Language`, as the source of a module: what [`compile`] selects by.
#[must_use]
pub fn languages() -> String {
    let mut code = String::from(
        "/// A language that texts are written in.\n#[derive(Clone, Copy, Debug, PartialEq, Eq)]\npub enum Language {\n",
    );
    let each = |code: &mut String, line: &dyn Fn(&Language) -> String| {
        for language in LANGUAGES {
            writeln!(code, "{}", line(language)).expect("a string takes all");
        }
    };
    each(&mut code, &|language| {
        format!("    /// `{}`.\n    {},", language.tag, language.name)
    });
    code.push_str("}\n\nimpl Language {\n    /// All languages; the first is the one to fall back to.\n");
    writeln!(code, "    pub const ALL: [Self; {}] = [", LANGUAGES.len()).expect("a string takes all");
    each(&mut code, &|language| format!("        Self::{},", language.name));
    code.push_str("    ];\n\n    /// The BCP 47 tag.\n    #[must_use]\n    pub fn tag(self) -> &'static str {\n        match self {\n");
    each(&mut code, &|language| {
        format!("            Self::{} => {:?},", language.name, language.tag)
    });
    code.push_str("        }\n    }\n");
    code.push_str(OF_TAG);
    code.push_str("}\n");
    code
}

/// The rest of the enum's `impl`.
const OF_TAG: &str = "
    /// The language of a BCP 47 tag (`de`, `de-AT`, `DE`); the first of all for a language without texts.
    #[must_use]
    pub fn of_tag(tag: &str) -> Self {
        Self::known(tag).unwrap_or(Self::ALL[0])
    }

    /// The language of a BCP 47 tag, if there are texts in it.
    #[must_use]
    pub fn known(tag: &str) -> Option<Self> {
        // Some clients send a POSIX locale, `de_DE`.
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL
            .into_iter()
            .find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }
";

/// The functions of the catalogs in a directory, as the source of a module. `language` is the path of the module that has
/// [`languages`] and a trait `Number`.
///
/// # Errors
/// One line per problem.
pub fn compile(directory: &Path, language: &str) -> Result<String, String> {
    let mut sources = Vec::new();
    for language in LANGUAGES {
        let file = directory.join(format!("{}.ftl", language.tag));
        let text = fs::read_to_string(&file).map_err(|error| format!("could not read {}: {error}", file.display()))?;
        sources.push((language, text));
    }
    if let Some(extra) = extra_files(directory)? {
        return Err(format!("{extra} is not the catalog of a language in LANGUAGES"));
    }
    generate(&sources, language)
}

fn extra_files(directory: &Path) -> Result<Option<String>, String> {
    let failed = |error| format!("could not read {}: {error}", directory.display());
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let known = |language: &Language| path.file_stem().is_some_and(|stem| stem == language.tag);
        if path.extension().is_some_and(|extension| extension == "ftl") && !LANGUAGES.iter().any(known) {
            return Ok(Some(path.display().to_string()));
        }
    }
    Ok(None)
}

fn generate(sources: &[(&Language, String)], path: &str) -> Result<String, String> {
    let mut found = Vec::new();
    let mut catalogs = Vec::new();
    for (language, source) in sources {
        match Catalog::read(language, source) {
            Ok(catalog) => catalogs.push(catalog),
            Err(problems) => found.extend(problems),
        }
    }
    if found.is_empty() {
        found = problems(&catalogs);
    }
    if found.is_empty() {
        Ok(code::functions(&catalogs, path))
    } else {
        Err(found.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: Language = LANGUAGES[0];
    const GERMAN: Language = LANGUAGES[1];
    const POLISH: Language = Language::new("pl", "Polish", plurals::POLISH);

    fn both(english: &str, german: &str) -> Result<String, String> {
        generate(&[(&ENGLISH, english.to_owned()), (&GERMAN, german.to_owned())], "here")
    }

    #[test]
    fn a_message_is_a_function_of_its_variables_that_selects_by_language() {
        let code = both(
            "too-long = Must be at most { NUMBER($most) } long; got “{ $given }”.",
            "too-long = „{ $given }“ ist zu lang: {NUMBER($most)} sind erlaubt.",
        );
        assert_eq!(
            code.expect("code"),
            "pub(crate) fn too_long(language: here::Language, given: &str, most: impl here::Number) -> String {\n    \
             match language {\n        \
             here::Language::English => format!(\"Must be at most {most} long; got “{given}”.\"),\n        \
             here::Language::German => format!(\"„{given}“ ist zu lang: {most} sind erlaubt.\"),\n    \
             }\n}\n"
        );
    }

    #[test]
    fn a_message_without_variables_is_a_static_text() {
        let code = both("hello = Hello {\"{\"}x}\n    and bye", "hello = Hallo").expect_err("a stray brace");
        assert!(code.contains("en.ftl:1"), "{code}");
        let code = both(
            "hello = Hello { \"{x}\" }\n    and \\ \"bye\"\u{200e}",
            "# why\nhello = Hallo",
        );
        let code = code.expect("code");
        assert!(
            code.contains("const fn hello(language: here::Language) -> &'static str {"),
            "{code}"
        );
        assert!(
            code.contains(r#"English => "Hello {x}\nand \\ \"bye\"\u{200e}","#),
            "{code}"
        );
    }

    #[test]
    fn braces_of_a_text_are_not_taken_for_variables() {
        let code = both("a = { \"{x}\" } { $b }", "a = { $b }").expect("code");
        assert!(code.contains(r#"format!("{{x}} {b}")"#), "{code}");
    }

    #[test]
    fn names_that_are_words_of_rust_get_an_underscore() {
        let code = both("type = { $self } { $fn }", "type = { $fn } { $self }").expect("code");
        assert!(
            code.contains("fn type_(language: here::Language, fn_: &str, self_: &str)"),
            "{code}"
        );
        assert!(code.contains(r#"English => format!("{self_} {fn_}")"#), "{code}");
    }

    #[test]
    fn a_plural_is_chosen_by_the_categories_of_its_language() {
        let english = "left = { $days ->\n    [0] none\n    [one] { $days } day\n   *[other] { $days } days\n } left";
        let code = both(english, "left = noch { NUMBER($days) }").expect("code");
        assert!(
            code.contains("fn left(language: here::Language, days: impl here::Number) -> String"),
            "{code}"
        );
        let one_line = code.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            one_line.contains(
                "English => match here::Number::magnitude(days) { 0 => \"none left\".to_owned(), \
                 1 => format!(\"{days} day left\"), _ => format!(\"{days} days left\"), },"
            ),
            "{code}"
        );

        let polish = "left = { $days ->\n    [one] { $days } dzień\n   *[other] { $days } dni\n }";
        let sources = [(&ENGLISH, english.to_owned()), (&POLISH, polish.to_owned())];
        let said = generate(&sources, "here").expect_err("Polish has more");
        assert_eq!(
            said,
            "pl.ftl: left: $days needs the plural categories one, few, many, other"
        );
    }

    #[test]
    fn a_number_may_be_the_key_of_a_list() {
        let days = "day = { $day ->\n    [1] Monday\n   *[2] Tuesday\n }";
        let code = both(days, days).expect("code");
        assert!(code.contains("-> &'static str {"), "{code}");
        assert!(code.contains("1 => \"Monday\","), "{code}");
    }

    #[test]
    fn a_catalog_that_is_not_like_the_first_fails() {
        let english = "a = A { $x }\nb = B";
        for (german, said) in [
            ("a = A { $x }", "de.ftl lacks the message b"),
            ("a = A { $x }\nb = B\nc = C", "de.ftl: c is not a message of en.ftl"),
            (
                "a = A { $y }\nb = B",
                "de.ftl: a has the variables $y, and in en.ftl $x",
            ),
            ("a = A\nb = B", "de.ftl: a has the variables none, and in en.ftl $x"),
            ("a = A { $x }\nb = B\nb = B", "de.ftl: b is defined twice"),
            (
                "a = A { $x }\nb = B\n    .c = C",
                "de.ftl: b: attributes are not supported",
            ),
            (
                "a = A { $x }\nb = { a }",
                "de.ftl: b: only variables, NUMBER($variable) and strings can stand in braces",
            ),
            ("a = A { $x }\nb = B\n-c = C", "de.ftl: -c: terms are not supported"),
            ("a = A { $x\nb = B", "de.ftl:2"),
        ] {
            let problems = both(english, german).expect_err(german);
            assert!(problems.contains(said), "{german}\n{problems}");
        }
        let same = "a-b = A\na_b = B";
        assert_eq!(
            both(same, same).expect_err("one name"),
            "en.ftl: a_b and a-b have the same function a_b"
        );
        let taken = "a = { $language }";
        assert!(
            both(taken, taken)
                .expect_err("taken")
                .contains("$language and $n are taken by")
        );
    }

    #[test]
    fn a_third_language_with_a_copy_of_a_catalog_is_complete() {
        let english = "a = A { $x }";
        let sources = [&ENGLISH, &GERMAN, &POLISH].map(|language| (language, english.to_owned()));
        let code = generate(&sources, "here").expect("code");
        assert!(code.contains("here::Language::Polish => format!(\"A {x}\"),"), "{code}");
        assert!(!languages().contains("Polish"));
    }
}
