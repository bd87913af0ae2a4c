//! The checks, by what they are about.

mod bounds;
mod fences;
mod filters;
mod foreign;
mod handles;
mod lists;
mod mail;
mod manual;
mod notices;
mod rights;
mod running;
mod settling;
mod staging;

use crate::script::{Check, Facts};

/// All of them. Each begins at [`T0`](crate::script::T0) with a host and a world of its own.
#[must_use]
pub fn all(facts: &Facts) -> Vec<Check> {
    [
        handles::checks(facts),
        staging::checks(facts),
        lists::checks(facts),
        filters::checks(facts),
        foreign::checks(facts),
        rights::checks(facts),
        notices::checks(facts),
        bounds::checks(facts),
        running::checks(facts),
        fences::checks(facts),
        mail::checks(facts),
        settling::checks(facts),
        manual::checks(facts),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn a_check_has_a_name_of_its_own_and_something_to_do() {
        let facts = Facts {
            exporter: "orders".into(),
            form: json!({}),
            lease: 60,
        };
        let checks = all(&facts);
        let names: BTreeSet<&str> = checks.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), checks.len());
        for check in &checks {
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(check.name.chars().all(kebab), "{}", check.name);
            assert!(check.about.ends_with('.') && !check.steps.is_empty(), "{}", check.name);
        }
    }

    #[test]
    fn every_check_is_in_the_documents_with_what_it_is_about() {
        let facts = Facts {
            exporter: "orders".into(),
            form: json!({}),
            lease: 60,
        };
        let rows = all(&facts)
            .into_iter()
            .map(|check| format!("| `{}` | {} |\n", check.name, check.about));
        let table: String = ["| check | why |\n| --- | --- |\n".to_owned()]
            .into_iter()
            .chain(rows)
            .collect();
        let documents = include_str!("../../docs/conformance.md");
        assert!(
            documents.contains(&table),
            "docs/conformance.md should have this table:\n{table}"
        );
    }
}
