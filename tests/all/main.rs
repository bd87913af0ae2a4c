//! Behaviour, through the built component.

mod contract;
mod crud;
mod documents;
mod next_run;
mod runs;
mod when;
