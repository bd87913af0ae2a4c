//! Where the name of a zone is in a table of slots. `build.rs` fills it with the same code that looks into it.

/// At least twice the number of names, so that most are found at the first look.
pub const SLOTS: usize = 2048;

/// The slot to look into first (FNV-1a).
pub fn of(name: &str) -> usize {
    let hash = name.bytes().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (hash ^ (hash >> 16)) as usize % SLOTS
}

/// The next one, where that has another name.
pub fn after(slot: usize) -> usize {
    (slot + 1) % SLOTS
}
