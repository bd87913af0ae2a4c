//! Behaviour, through the built component.

mod contract;
mod crud;
mod documents;
mod garbage;
mod golden;
mod history;
mod matrix;
mod next_run;
mod owners;
mod runs;
mod size;
mod when;
