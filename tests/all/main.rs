//! Behaviour, through the built component.

mod contract;
mod documents;
mod fuzz;
mod hostile;
mod next_run;
mod runs;
mod security;
mod when;
