//! How much one organizer and one caller can use of a host: every limit has its default here.

/// What one organizer, and one caller, can use at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageLimits {
    /// Percentage of workers, of export slots and of the instances for API calls that one organizer gets at a time.
    pub organizer_share: u32,
}

impl Default for UsageLimits {
    fn default() -> Self {
        Self { organizer_share: 50 }
    }
}
