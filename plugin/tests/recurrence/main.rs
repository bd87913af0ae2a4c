//! The recurrence engine, natively: against the corpus, against `rrule`, against a slow matcher, and against itself;
//! and rules for people: normal forms, picks and words.

mod clock;
mod corpus;
mod errors;
mod extremes;
mod independent_copy;
mod normal_form;
mod oracle;
mod picks;
mod queries;
mod rules;
mod slow_matcher;
mod words;
mod zones;
