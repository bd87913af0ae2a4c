//! The hash function of the zone name table. `build.rs` fills the table with the same code that looks names up.

/// Number of slots, at least twice the number of names, so that most names are found in their first slot.
pub const SLOTS: usize = 2048;

/// The first slot of a name (FNV-1a).
pub fn of(name: &str) -> usize {
    let hash = name.bytes().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (hash ^ (hash >> 16)) as usize % SLOTS
}

/// The next slot, for when this one holds another name.
pub fn after(slot: usize) -> usize {
    (slot + 1) % SLOTS
}
