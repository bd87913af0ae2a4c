//! The heap of an instance.
//!
//! A host allocates the initial memory of an instance in one piece, and might need a system call each time it grows, and another one
//! when it drops the instance. So the heap begins in the initial memory, which is enough for nearly every call, and grows in large
//! steps. The standard library's allocator leaves the initial memory unused and grows by 64 KiB at a time.
//!
//! The effect: computing a next run does not grow the memory, where the standard library's allocator grows it once; documents of 1 MB
//! do not either, where it grows 16 times. It costs 5.7 KB of the component's 1.08 MB.

#![expect(
    unsafe_code,
    reason = "an allocator needs it; `tests` checks natively the blocks that it returns"
)]

use core::alloc::Layout;
use core::fmt::Debug;
use core::ptr::NonNull;

use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

const PAGE: usize = 65_536;
/// Minimum number of pages that the memory grows by.
const STEP: usize = 16;

/// Memory that can grow at its end: the one of an instance, or a substitute in tests.
///
/// # Safety
/// Nothing else uses the memory from [`base`](Self::base) to [`end`](Self::end), also after it has grown, and only
/// [`grow`](Self::grow) moves the end.
unsafe trait Linear: Debug {
    /// Where the heap can begin.
    fn base(&self) -> *mut u8;
    /// One byte after the last.
    fn end(&self) -> *mut u8;
    /// Grows by a number of pages of 64 KiB and returns the new end; `None` if there is no more memory.
    fn grow(&mut self, pages: usize) -> Option<*mut u8>;
}

/// The allocator's source of memory: all memory from the base on.
#[derive(Debug)]
struct Memory<L> {
    linear: L,
    /// End of the heap; `None` before the first allocation.
    end: Option<NonNull<u8>>,
}

impl<L> Memory<L> {
    const fn new(linear: L) -> Self {
        Self { linear, end: None }
    }
}

// SAFETY: nothing is allocated in here, and nothing else uses the claimed memory, as `Linear` promises.
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
        // The allocation, its alignment, and the metadata of the allocator.
        let needed = layout.size() + 2 * layout.align() + PAGE;
        let grown = talc.source.linear.grow(needed.div_ceil(PAGE).max(STEP)).ok_or(())?;
        // SAFETY: see above; the memory continues at the old end.
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
        /// The end of static data and stack, set by the linker.
        static __heap_base: u8;
    }

    /// The linear memory from the linker's `__heap_base` on.
    #[derive(Debug)]
    struct Instance;

    // SAFETY: the linker reserves the memory from `__heap_base` on for the heap, and nothing else in the component grows the memory.
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
