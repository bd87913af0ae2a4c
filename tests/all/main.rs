//! Behaviour, through the built component.

mod contract;
mod documents;
mod faults;
mod model;
mod next_run;
mod rows;
mod runs;
mod when;
