//! Tests of the heap, natively, in a substitute for the memory of an instance. Every block that it returns is checked.

use std::alloc::{GlobalAlloc as _, Layout, alloc_zeroed, dealloc};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;
use talc::cell::TalcCell;
use talc::wasm::WasmBinning;

use super::{Linear, Memory, PAGE, STEP};

/// Maximum number of pages; most are never touched.
const MAX_PAGES: usize = 1024;
/// The base of a linked guest is not aligned either.
const BASE: usize = 3 * PAGE + 1237;

/// A substitute for the memory of an instance, with its current number of pages.
#[derive(Debug)]
struct Pages {
    all: *mut u8,
    has: Rc<Cell<usize>>,
}

impl Pages {
    fn layout() -> Layout {
        Layout::from_size_align(MAX_PAGES * PAGE, PAGE).expect("a layout")
    }

    fn new(has: usize) -> Self {
        // SAFETY: the layout is not empty.
        let all = unsafe { alloc_zeroed(Self::layout()) };
        assert!(!all.is_null(), "memory for the test");
        Self {
            all,
            has: Rc::new(Cell::new(has)),
        }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with the same layout.
        unsafe { dealloc(self.all, Self::layout()) }
    }
}

// SAFETY: nothing else uses the pages, and only this code changes `has`.
unsafe impl Linear for Pages {
    fn base(&self) -> *mut u8 {
        // SAFETY: within the pages.
        unsafe { self.all.add(BASE) }
    }

    fn end(&self) -> *mut u8 {
        // SAFETY: within the pages, or one after the last.
        unsafe { self.all.add(self.has.get() * PAGE) }
    }

    fn grow(&mut self, pages: usize) -> Option<*mut u8> {
        let has = self.has.get().checked_add(pages).filter(|has| *has <= MAX_PAGES)?;
        self.has.set(has);
        Some(self.end())
    }
}

/// A block that was returned, and the value of all of its bytes.
struct Block {
    at: *mut u8,
    layout: Layout,
    byte: u8,
}

/// A heap with a list of its blocks, by address.
struct Heap {
    heap: TalcCell<Memory<Pages>, WasmBinning>,
    from: usize,
    has: Rc<Cell<usize>>,
    blocks: BTreeMap<usize, Block>,
    next: u8,
}

impl Heap {
    fn new(has: usize) -> Self {
        let pages = Pages::new(has);
        Self {
            from: pages.all.addr(),
            has: Rc::clone(&pages.has),
            heap: TalcCell::new(Memory::new(pages)),
            blocks: BTreeMap::new(),
            next: 0,
        }
    }

    /// Checks a block that was just returned and fills it.
    fn keep(&mut self, at: *mut u8, layout: Layout) {
        let address = at.addr();
        assert_eq!(address % layout.align(), 0, "aligned as asked for: {layout:?}");
        let memory = self.from + BASE..=self.from + self.has.get() * PAGE;
        let end = address + layout.size();
        assert!(
            memory.contains(&address) && memory.contains(&end),
            "in the memory: {layout:?}"
        );
        if let Some((before, block)) = self.blocks.range(..=address).next_back() {
            assert!(before + block.layout.size() <= address, "over the end of another block");
        }
        if let Some((after, _)) = self.blocks.range(address..).next() {
            assert!(end <= *after, "over the beginning of another block");
        }
        self.next = self.next.wrapping_add(1);
        // SAFETY: returned with this size.
        unsafe { at.write_bytes(self.next, layout.size()) };
        let byte = self.next;
        self.blocks.insert(address, Block { at, layout, byte });
    }

    fn filled_with(at: *mut u8, size: usize, byte: u8) -> bool {
        // SAFETY: the block has this size, and was written.
        unsafe { std::slice::from_raw_parts(at, size) }
            .iter()
            .all(|one| *one == byte)
    }

    /// Returns whether there was memory left.
    fn allocate(&mut self, layout: Layout, zeroed: bool) -> bool {
        // SAFETY: no layout of these tests is empty.
        let at = unsafe {
            if zeroed {
                self.heap.alloc_zeroed(layout)
            } else {
                self.heap.alloc(layout)
            }
        };
        if at.is_null() {
            return false;
        }
        assert!(!zeroed || Self::filled_with(at, layout.size(), 0), "zeros as asked for");
        self.keep(at, layout);
        true
    }

    /// Removes a block from the list and checks its contents.
    fn take(&mut self, which: usize) -> Option<Block> {
        let address = *self.blocks.keys().nth(which % self.blocks.len().max(1))?;
        let block = self.blocks.remove(&address)?;
        assert!(
            Self::filled_with(block.at, block.layout.size(), block.byte),
            "as it was written"
        );
        Some(block)
    }

    fn free(&mut self, which: usize) {
        if let Some(block) = self.take(which) {
            // SAFETY: returned with this layout, and no longer on the list.
            unsafe { self.heap.dealloc(block.at, block.layout) };
        }
    }

    fn resize(&mut self, which: usize, size: usize) {
        let Some(block) = self.take(which) else { return };
        let layout = Layout::from_size_align(size, block.layout.align()).expect("a layout");
        // SAFETY: returned with this layout; the new size is not zero.
        let moved = unsafe { self.heap.realloc(block.at, block.layout, size) };
        if moved.is_null() {
            self.blocks.insert(block.at.addr(), block);
            return;
        }
        let kept = size.min(block.layout.size());
        assert!(
            Self::filled_with(moved, kept, block.byte),
            "resizing keeps what is in it"
        );
        self.keep(moved, layout);
    }

    fn free_all(&mut self) {
        while !self.blocks.is_empty() {
            self.free(0);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Allocate { size: usize, align: u32, zeroed: bool },
    Resize { which: usize, size: usize },
    Free { which: usize },
}

/// Mostly small, like texts and records; sometimes a page of schedules, or more than the memory grows by in one step.
fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![
        6 => 1_usize..64,
        3 => 1_usize..5_000,
        1 => 1_usize..300_000,
        1 => Just(2 * STEP * PAGE),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let align = prop_oneof![8 => 0_u32..5, 2 => 5_u32..13, 1 => 13_u32..19];
    let step = prop_oneof![
        4 => (sizes(), align, any::<bool>()).prop_map(|(size, align, zeroed)| Step::Allocate { size, align, zeroed }),
        2 => (any::<usize>(), sizes()).prop_map(|(which, size)| Step::Resize { which, size }),
        3 => any::<usize>().prop_map(|which| Step::Free { which }),
    ];
    prop::collection::vec(step, 1..200)
}

proptest! {
    #[test]
    fn no_block_is_misaligned_outside_of_the_memory_in_another_or_changed_by_what_is_done_with_others(
        has in 4_usize..70,
        steps in steps(),
    ) {
        let mut heap = Heap::new(has);
        for step in steps {
            match step {
                Step::Allocate { size, align, zeroed } => {
                    heap.allocate(Layout::from_size_align(size, 1 << align).expect("a layout"), zeroed);
                }
                Step::Resize { which, size } => heap.resize(which, size),
                Step::Free { which } => heap.free(which),
            }
        }
        heap.free_all();
    }
}

#[test]
fn what_is_freed_is_handed_out_again() {
    let mut heap = Heap::new(64);
    let mut grown = Vec::new();
    for _ in 0..20 {
        for size in 1..600 {
            assert!(heap.allocate(Layout::from_size_align(size * 17, 8).expect("a layout"), false));
        }
        heap.free_all();
        grown.push(heap.has.get());
    }
    assert_eq!(
        grown[0], grown[19],
        "the same blocks again need no more pages: {grown:?}"
    );
}

#[test]
fn an_instance_without_a_page_behind_its_data_gets_its_heap_by_growing() {
    // The base lies in the last page.
    let mut heap = Heap::new(4);
    assert!(heap.allocate(Layout::from_size_align(100, 8).expect("a layout"), false));
    assert_eq!(heap.has.get(), 4 + STEP);
}

#[test]
fn what_needs_more_than_there_is_gets_nothing_and_leaves_the_rest_alone() {
    let mut heap = Heap::new(64);
    let layout = Layout::from_size_align(8 * PAGE, 16).expect("a layout");
    while heap.allocate(layout, false) {}
    assert!(heap.blocks.len() > MAX_PAGES / 16, "{}", heap.blocks.len());
    heap.resize(3, 40 * PAGE);
    heap.free(5);
    assert!(heap.allocate(layout, false), "what was freed is there again");
    heap.free_all();
}
