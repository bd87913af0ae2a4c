//! One module for each import of the contract, and the two handles that carry authority.
/// One caller at one organizer or event.
#[derive(Debug)]
pub struct Access {}
/// One leased run.
#[derive(Debug)]
pub struct Run {}
