//! Behaviour, through the built component.

mod contract;
mod crud;
mod documents;
mod garbage;
mod golden;
mod matrix;
mod next_run;
mod runs;
mod when;
