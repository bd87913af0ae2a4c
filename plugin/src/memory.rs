//! The heap of an instance.
//!
//! A host makes the memory that an instance begins with in one piece, and may have to go to the operating system each time it
//! grows, and again when it takes the instance back. So the heap begins in what is there, which is enough for nearly every call,
//! and grows in large steps. The standard library's allocator leaves what is there alone, and asks for 64 KiB at a time.
//!
//! What that is worth: a next run grows the memory not at all where the standard library's allocator grows it once, and documents of
//! 1 MB not at all where that grows it 16 times. It costs 5.7 KB of the component's 1.08 MB.

#![expect(
    unsafe_code,
    reason = "an allocator is made of it; what it hands out is looked at natively, in `tests`"
)]

use core::alloc::Layout;
use core::fmt::Debug;
use core::ptr::NonNull;

use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

const PAGE: usize = 65_536;
/// Pages that the memory grows by, or more where one allocation needs more.
const STEP: usize = 16;

/// Memory that has an end and grows there: an instance's own, and in tests what stands for it.
///
/// # Safety
/// From [`base`](Self::base) to [`end`](Self::end) is memory that nothing else uses, also after it has grown, and nothing but
/// [`grow`](Self::grow) moves the end.
unsafe trait Linear: Debug {
    /// Where the heap may begin.
    fn base(&self) -> *mut u8;
    /// One byte behind the last.
    fn end(&self) -> *mut u8;
    /// The new end, this many pages of 64 KiB behind the old one. None: there is no more.
    fn grow(&mut self, pages: usize) -> Option<*mut u8>;
}

/// The allocator's way to all memory from a base on.
#[derive(Debug)]
struct Memory<L> {
    linear: L,
    /// End of the heap; none: it has not begun.
    end: Option<NonNull<u8>>,
}

impl<L> Memory<L> {
    const fn new(linear: L) -> Self {
        Self { linear, end: None }
    }
}

// SAFETY: nothing is allocated in here, and what is claimed is nobody else's, as `Linear` promises.
unsafe impl<L: Linear> Source for Memory<L> {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let Some(end) = talc.source.end else {
            let begin = talc.source.linear.base();
            let mut size = talc.source.linear.end().addr() - begin.addr();
            if size < PAGE {
                talc.source.linear.grow(STEP).ok_or(())?;
                size += STEP * PAGE;
            }
            // SAFETY: see above.
            talc.source.end = unsafe { talc.claim(begin, size) };
            return talc.source.end.map(drop).ok_or(());
        };
        // Beside the allocation itself its alignment and what the allocator keeps for itself.
        let needed = layout.size() + 2 * layout.align() + PAGE;
        let grown = talc.source.linear.grow(needed.div_ceil(PAGE).max(STEP)).ok_or(())?;
        // SAFETY: see above; the memory goes on where it ended.
        talc.source.end = Some(unsafe { talc.extend(end, grown) });
        Ok(())
    }
}

#[cfg(target_arch = "wasm32")]
mod instance {
    use core::arch::wasm32::{memory_grow, memory_size};

    use talc::cell::TalcSyncCell;
    use talc::wasm::WasmBinning;

    use super::{Linear, Memory, PAGE};

    #[global_allocator]
    static HEAP: TalcSyncCell<Memory<Instance>, WasmBinning> = TalcSyncCell::new_wasm(Memory::new(Instance));

    unsafe extern "C" {
        /// Where the linker has put the end of all that is not heap.
        static __heap_base: u8;
    }

    /// Linear memory from the linker's `__heap_base` on.
    #[derive(Debug)]
    struct Instance;

    // SAFETY: the linker leaves what is behind `__heap_base` to the heap, and nothing else in the component grows the memory.
    unsafe impl Linear for Instance {
        fn base(&self) -> *mut u8 {
            (&raw const __heap_base).cast_mut()
        }

        fn end(&self) -> *mut u8 {
            core::ptr::without_provenance_mut(memory_size::<0>() * PAGE)
        }

        fn grow(&mut self, pages: usize) -> Option<*mut u8> {
            let before = memory_grow::<0>(pages);
            (before != usize::MAX).then(|| core::ptr::without_provenance_mut((before + pages) * PAGE))
        }
    }
}

#[cfg(test)]
mod tests;
