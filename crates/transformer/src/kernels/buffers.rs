//! Memory for outputs, which the operations of one forward pass use again and again: fresh memory costs a
//! page fault for every few thousand bytes, and is filled with 0 first.

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor};
use std::cell::RefCell;

thread_local!(static FREE: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) });

/// `len` values that are to be overwritten.
pub(super) fn output(len: usize) -> Vec<f32> {
    let free = FREE.with_borrow_mut(|free| {
        // Not much larger: a state that is kept would hold the rest.
        let fits = len..=len + len / 8;
        let index = free.iter().position(|buffer| fits.contains(&buffer.capacity()))?;
        Some(free.swap_remove(index))
    });
    let Some(mut buffer) = free else { return vec![0.0; len] };
    buffer.resize(len, 0.0);
    buffer
}

/// Takes the memory of a tensor, which must not be read after this, through whatever copy.
pub(crate) fn reuse(tensor: &Tensor) -> Result<()> {
    struct Take;
    impl InplaceOp1 for Take {
        fn name(&self) -> &'static str {
            "reuse"
        }

        fn cpu_fwd(&self, storage: &mut CpuStorage, _: &Layout) -> Result<()> {
            if let CpuStorage::F32(values) = storage {
                let buffer = std::mem::take(values);
                FREE.with_borrow_mut(|free| free.push(buffer));
            }
            Ok(())
        }
    }
    tensor.inplace_op1(&Take)
}

/// Gives the memory back to the system at the end of a forward pass.
pub(crate) struct Release;

impl Drop for Release {
    fn drop(&mut self) {
        FREE.with_borrow_mut(Vec::clear);
    }
}
