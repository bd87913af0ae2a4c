//! The heap of an instance.
//!
//! A host makes the memory that an instance begins with in one piece, and may have to go to the operating system each time it
//! grows, and again when it takes the instance back. So the heap begins in what is there, which is enough for nearly every call,
//! and grows in large steps. The standard library's allocator leaves what is there alone, and asks for 64 KiB at a time.

use core::alloc::Layout;
use core::arch::wasm32::{memory_grow, memory_size};
use core::ptr::NonNull;

use talc::base::Talc;
use talc::base::binning::Binning;
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

#[global_allocator]
static HEAP: TalcSyncCell<Memory, WasmBinning> = TalcSyncCell::new_wasm(Memory { end: None });

const PAGE: usize = 65_536;
/// Pages that the memory grows by, or more where one allocation needs more.
const STEP: usize = 16;

unsafe extern "C" {
    /// Where the linker has put the end of all that is not heap.
    static __heap_base: u8;
}

/// Linear memory from the linker's `__heap_base` on.
#[derive(Debug)]
struct Memory {
    /// End of the heap; none: it has not begun.
    end: Option<NonNull<u8>>,
}

// SAFETY: nothing is allocated in here, and what is claimed is nobody else's: the linker leaves what is behind `__heap_base` to
// the heap, and nothing else in this module grows the memory.
unsafe impl Source for Memory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let Some(end) = talc.source.end else {
            let begin = (&raw const __heap_base).cast_mut();
            let mut size = memory_size::<0>() * PAGE - begin.addr();
            if size < PAGE {
                if memory_grow::<0>(STEP) == usize::MAX {
                    return Err(());
                }
                size += STEP * PAGE;
            }
            // SAFETY: see above.
            talc.source.end = unsafe { talc.claim(begin, size) };
            return talc.source.end.map(drop).ok_or(());
        };
        // Beside the allocation itself its alignment and what the allocator keeps for itself.
        let needed = layout.size() + 2 * layout.align() + PAGE;
        let pages = needed.div_ceil(PAGE).max(STEP);
        let before = memory_grow::<0>(pages);
        if before == usize::MAX {
            return Err(());
        }
        let grown = core::ptr::without_provenance_mut((before + pages) * PAGE);
        // SAFETY: see above; the memory goes on where it ended.
        talc.source.end = Some(unsafe { talc.extend(end, grown) });
        Ok(())
    }
}
