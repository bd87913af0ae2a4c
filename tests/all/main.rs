//! Behaviour, through the built component.

mod conformance;
mod contract;
mod crud;
mod disk;
mod documents;
mod faults;
mod fuzz;
mod garbage;
mod golden;
mod guests;
mod history;
mod hostile;
mod lease;
mod mail;
mod matrix;
mod model;
mod next_run;
mod owners;
mod postgres;
mod rows;
mod runs;
mod security;
mod size;
mod tape;
mod when;
mod zones;
