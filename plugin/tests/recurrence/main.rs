//! The recurrence engine, natively: against the corpus, against `rrule`, against a slow matcher, and against itself.

mod clock;
mod corpus;
mod errors;
mod extremes;
mod independent_copy;
mod oracle;
mod queries;
mod rules;
mod slow_matcher;
mod zones;
