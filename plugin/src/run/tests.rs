//! What runs do, by the table in the behaviour's section 5; the numbers are worked out by hand.

mod abandoning;
mod ending;
mod executing;
mod settling;
mod whatever_comes;
mod writing;
