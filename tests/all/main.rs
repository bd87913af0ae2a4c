//! Behaviour, through the built component.

mod contract;
mod crud;
mod documents;
mod faults;
mod fuzz;
mod garbage;
mod golden;
mod history;
mod hostile;
mod matrix;
mod model;
mod next_run;
mod owners;
mod postgres;
mod rows;
mod runs;
mod security;
mod size;
mod when;
