//! Behaviour, through the built component.

mod contract;
mod crud;
mod documents;
mod fuzz;
mod garbage;
mod golden;
mod history;
mod hostile;
mod matrix;
mod next_run;
mod owners;
mod runs;
mod security;
mod size;
mod when;
