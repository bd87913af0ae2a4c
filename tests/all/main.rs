//! Behaviour, through the built component.

mod contract;
mod crud;
mod documents;
mod history;
mod next_run;
mod owners;
mod runs;
mod size;
mod when;
