//! Large pages for the memory of weights: with pages of 4 KiB, a model of some gigabytes costs a second
//! or two of page faults.

/// `len` zeros, in large pages where the system gives them.
pub(crate) fn zeros<T: Copy + Default>(len: usize) -> Vec<T> {
    let values = vec![T::default(); len];
    ask(&values);
    values
}

/// Asks for large pages. The system is free to refuse, and only speed depends on it.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn ask<T>(values: &[T]) {
    /// A multiple of the size of every small page, so that only whole pages are asked for.
    const PAGE: usize = 1 << 16;
    const LARGE: usize = 1 << 21;
    let (start, bytes) = (values.as_ptr(), size_of_val(values));
    let before = start.addr().next_multiple_of(PAGE) - start.addr();
    let len = bytes.saturating_sub(before) / PAGE * PAGE;
    if len < LARGE {
        return;
    }
    let start = start.cast::<u8>().wrapping_add(before).cast_mut().cast();
    // SAFETY: the range is within `values`, and this advice changes no byte of it.
    let _ = unsafe { rustix::mm::madvise(start, len, rustix::mm::Advice::LinuxHugepage) };
}

#[cfg(not(target_os = "linux"))]
fn ask<T>(_: &[T]) {}

#[cfg(test)]
mod tests {
    use super::zeros;

    #[test]
    fn large_memory_is_zero_and_can_be_written() {
        for len in [0, 1, 1000, (3 << 20) + 5] {
            let mut values: Vec<u16> = zeros(len);
            assert_eq!(values.len(), len);
            assert!(values.iter().all(|&value| value == 0));
            values.fill(7);
            assert!(values.iter().all(|&value| value == 7));
        }
    }
}
