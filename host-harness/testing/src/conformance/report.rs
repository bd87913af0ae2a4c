//! What came of the checks.

use std::fmt;

/// How a check came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The host does it right.
    Right,
    /// It does not; what was expected, and what the host did.
    Wrong(String),
    /// The host can't show it, so nobody knows; what it can't.
    CannotTell(String),
}

impl Verdict {
    /// Does the host do it right?
    #[must_use]
    pub fn is_right(&self) -> bool {
        *self == Self::Right
    }
}

/// One check, gone through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What is right, in kebab-case.
    pub name: String,
    /// Why.
    pub about: String,
    /// How it came out.
    pub verdict: Verdict,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Right => write!(f, "right: {}", self.name),
            Verdict::Wrong(words) => write!(f, "WRONG: {}\n  {}\n  {words}", self.name, self.about),
            Verdict::CannotTell(words) => write!(f, "not known: {}: {words}", self.name),
        }
    }
}

/// All checks, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Each with how it came out.
    pub checks: Vec<Checked>,
}

impl Report {
    /// What the host does wrong.
    pub fn wrong(&self) -> impl Iterator<Item = &Checked> {
        let wrong = |checked: &&Checked| matches!(checked.verdict, Verdict::Wrong(_));
        self.checks.iter().filter(wrong)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for checked in &self.checks {
            writeln!(f, "{checked}")?;
        }
        let wrong = self.wrong().count();
        write!(f, "{} checks, {wrong} wrong", self.checks.len())
    }
}
