//! The tile instructions of x86-64 for bf16 (AMX): an [`Engine`] for products by parts.
//!
//! Linux gives a process tiles if it asks for them. Other systems are not asked.

use super::parts::Engine;

/// Whether this process may use the instructions. The first call asks the system for them. Where the machine
/// does not have them, or the system refuses, nothing has changed.
pub(super) fn available() -> bool {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    {
        static AVAILABLE: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
        *AVAILABLE.get_or_init(|| tiles::exist() && tiles::are_permitted())
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    false
}

/// The tiles of this thread, if they are [`available`].
pub(super) fn engine() -> Option<Box<dyn Engine>> {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if available() {
        return Some(Box::new(tiles::Tiles::new()));
    }
    None
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[allow(unsafe_code)]
mod tiles {
    use crate::kernels::parts::{Engine, Form, Sums, Tile};
    use std::arch::{asm, x86_64};
    use std::cell::Cell;
    use std::marker::PhantomData;

    thread_local!(static IN_USE: Cell<bool> = const { Cell::new(false) });

    /// The tiles of this thread, of 16 rows of 64 bytes each, until the value is dropped.
    pub(super) struct Tiles {
        /// Each thread has its own tiles: the value stays on its thread.
        _thread: PhantomData<*const ()>,
    }

    /// What LDTILECFG reads.
    #[repr(C, align(64))]
    struct Shapes {
        palette: u8,
        start_row: u8,
        zeros: [u8; 14],
        row_bytes: [u16; 16],
        rows: [u8; 16],
    }

    const _: () = assert!(size_of::<Shapes>() == 64);
    const _: () = assert!(size_of::<Tile>() == 1024 && size_of::<Sums>() == 4 * 1024);

    /// Eight whole tiles.
    static SHAPES: Shapes = Shapes {
        palette: 1,
        start_row: 0,
        zeros: [0; 14],
        row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
        rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
    };

    /// Whether the processor has the instructions, for tiles of these shapes, and the system keeps the
    /// tiles of each thread.
    pub(super) fn exist() -> bool {
        // SAFETY: every x86-64 has CPUID. (Newer compilers have it as a safe function.)
        #[allow(unused_unsafe)]
        let cpuid = |leaf, part| unsafe { x86_64::__cpuid_count(leaf, part) };
        let bit = |register: u32, index: u32| register >> index & 1 == 1;
        if cpuid(0, 0).eax < 0x1e || !bit(cpuid(1, 0).ecx, 27) {
            return false;
        }
        let kept: u32;
        // SAFETY: XGETBV exists, for programs too, where bit 27 above is set. It reads ECX and writes EAX
        // and EDX.
        unsafe {
            asm!("xgetbv", in("ecx") 0, out("eax") kept, out("edx") _, options(nomem, nostack));
        }
        let (features, palette, unit) = (cpuid(7, 0).edx, cpuid(0x1d, 1), cpuid(0x1e, 0).ebx);
        // Kept: vectors (1, 2, 5, 6, 7), the shapes of tiles (17) and the tiles (18). Features: products of
        // bf16 (22) and tiles (24). Eight tiles of 16 rows of 64 bytes; products of 16 pairs and 64 bytes.
        [1, 2, 5, 6, 7, 17, 18].into_iter().all(|index| bit(kept, index))
            && bit(features, 22)
            && bit(features, 24)
            && palette.ebx == 8 << 16 | 64
            && palette.ecx & 0xffff >= 16
            && unit & 0xff >= 16
            && unit >> 8 & 0xffff >= 64
    }

    /// Asks Linux for the tiles, for all threads of this process.
    pub(super) fn are_permitted() -> bool {
        const ARCH_PRCTL: isize = 158;
        const ARCH_REQ_XCOMP_PERM: usize = 0x1023;
        const TILES: usize = 18;
        let refused: isize;
        // SAFETY: this is how Linux on x86-64 is called: the number in RAX, two arguments in RDI and RSI, the
        // answer in RAX; RCX and R11 are overwritten. With these arguments the call reads and writes no
        // memory of the process. A kernel that does not know it answers with an error.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") ARCH_PRCTL => refused,
                in("rdi") ARCH_REQ_XCOMP_PERM,
                in("rsi") TILES,
                out("rcx") _,
                out("r11") _,
                options(nostack),
            );
        }
        refused == 0
    }

    impl Tiles {
        /// Sets the tiles of this thread up.
        ///
        /// # Panics
        /// If the instructions are not [`available`](super::available), or this thread has a value already.
        pub(super) fn new() -> Self {
            assert!(super::available(), "the caller asked for instructions that are not there");
            assert!(!IN_USE.replace(true), "the tiles of this thread are in use");
            // SAFETY: the instruction exists and is permitted (the line above), and reads the 64 bytes of
            // SHAPES, which are shapes that the processor has (`exist`). Code of compilers does not use
            // tiles, so that nothing else is overwritten.
            unsafe {
                asm!("ldtilecfg [{}]", in(reg) &raw const SHAPES, options(nostack, readonly));
            }
            Self { _thread: PhantomData }
        }
    }

    impl Drop for Tiles {
        fn drop(&mut self) {
            // SAFETY: as in `new`, which made this value, on this thread.
            unsafe { asm!("tilerelease", options(nostack, nomem)) };
            IN_USE.set(false);
        }
    }

    /// The code for two tiles of rows, or for one. Sums are in tmm0 to tmm3, rows in tmm4 and tmm5, columns
    /// in tmm6 and tmm7.
    macro_rules! code {
        (two zero) => {
            concat!(code!(one zero), "tilezero tmm2\n tilezero tmm3\n")
        };
        (one zero) => {
            "tilezero tmm0\n tilezero tmm1\n"
        };
        (two rows $part:literal) => {
            concat!(
                code!(one rows $part),
                "tileloadd tmm5, [{second} + {line} + 1024 * ", $part, "]\n",
            )
        };
        (one rows $part:literal) => {
            concat!("tileloadd tmm4, [{first} + {line} + 1024 * ", $part, "]\n")
        };
        ($rows:ident columns $part:literal) => {
            concat!(
                "tileloadd tmm6, [{columns} + {line} + 2048 * ", $part, "]\n",
                "tileloadd tmm7, [{columns} + {line} + 2048 * ", $part, " + 1024]\n",
            )
        };
        (two multiply) => {
            concat!(code!(one multiply), "tdpbf16ps tmm2, tmm5, tmm6\n tdpbf16ps tmm3, tmm5, tmm7\n")
        };
        (one multiply) => {
            "tdpbf16ps tmm0, tmm4, tmm6\n tdpbf16ps tmm1, tmm4, tmm7\n"
        };
        (two next $left:literal) => {
            concat!(code!(one next $left), "add {second}, 1024 * ", $left, "\n")
        };
        (one next $left:literal) => {
            concat!("add {first}, 1024 * ", $left, "\n")
        };
        (two store) => {
            concat!(
                code!(one store),
                "tilestored [{sums} + {line} + 2048], tmm2\n",
                "tilestored [{sums} + {line} + 3072], tmm3\n",
            )
        };
        (one store) => {
            "tilestored [{sums} + {line}], tmm0\n tilestored [{sums} + {line} + 1024], tmm1\n"
        };
    }

    /// The sums of a block. What is loaded last is used at once, and again while the other factor changes.
    macro_rules! block {
        (
            $rows:ident, $left:literal by $right:literal, [$($act:ident $($part:literal)?),*],
            $block:ident, $($operands:tt)*
        ) => {
            asm!(
                concat!(
                    code!($rows zero),
                    "2:\n",
                    $(code!($rows $act $($part)?),)*
                    code!($rows next $left),
                    "add {columns}, 2048 * ", $right, "\n",
                    "dec {steps}\n",
                    "jnz 2b\n",
                    code!($rows store),
                ),
                first = inout(reg) $block.rows[0].as_ptr() => _,
                columns = inout(reg) $block.columns.as_ptr() => _,
                sums = in(reg) &raw mut *$block.sums,
                steps = inout(reg) $block.steps => _,
                line = in(reg) 64usize,
                $($operands)*
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            )
        };
    }

    /// [`block`] for two tiles of rows or for one. The smallest products come first.
    macro_rules! blocks {
        ($block:ident, $left:literal by $right:literal, $acts:tt) => {
            if $block.rows[1].is_empty() {
                block!(one, $left by $right, $acts, $block,)
            } else {
                block!(
                    two, $left by $right, $acts, $block,
                    second = inout(reg) $block.rows[1].as_ptr() => _,
                )
            }
        };
    }

    /// What the code of a block reads and writes.
    struct Block<'a> {
        rows: [&'a [Tile]; 2],
        columns: &'a [Tile],
        /// Tiles of one part in the depth.
        steps: usize,
        sums: &'a mut Sums,
    }

    impl Engine for Tiles {
        fn multiply(&mut self, form: Form, rows: [&[Tile]; 2], columns: &[Tile], sums: &mut Sums) {
            let steps = columns.len() / (2 * form.right());
            assert!(steps > 0 && columns.len() == steps * 2 * form.right());
            assert!(rows[0].len() == steps * form.left());
            assert!(rows[1].is_empty() || rows[1].len() == rows[0].len());
            let block = Block { rows, columns, steps, sums };
            // SAFETY: the instructions exist, and the tiles are set up, as long as `self` lives; they are those
            // of this thread, as `self` is. No other code of the process uses them, and what compilers must
            // know is overwritten is named. One pass of the loop loads tiles of 16 lines at a distance of 64
            // bytes, which are the 1,024 bytes of a `Tile`: as many as `form` states from the rows (parts 0 to
            // left - 1) and the columns (two each of parts 0 to right - 1). Then it advances by that number.
            // There are `steps` passes, at least one, so that what is read are the slices whose lengths were
            // compared above. The stores write the four tiles of `sums`, or the first two.
            unsafe {
                match form {
                    Form::ThreeByThree => blocks!(block, 3 by 3, [
                        rows 2, columns 0, multiply, rows 1, multiply, columns 1, multiply,
                        rows 0, multiply, columns 2, multiply, columns 0, multiply
                    ]),
                    Form::ThreeByTwo => blocks!(block, 3 by 2, [
                        rows 2, columns 0, multiply, rows 1, multiply, columns 1, multiply,
                        rows 0, multiply, columns 0, multiply
                    ]),
                    Form::ThreeByOne => blocks!(block, 3 by 1, [
                        columns 0, rows 2, multiply, rows 1, multiply, rows 0, multiply
                    ]),
                    Form::TwoByTwo => blocks!(block, 2 by 2, [
                        rows 1, columns 0, multiply, columns 1, multiply,
                        rows 0, multiply, columns 0, multiply
                    ]),
                    Form::OneByOne => blocks!(block, 1 by 1, [rows 0, columns 0, multiply]),
                }
            }
        }
    }
}
