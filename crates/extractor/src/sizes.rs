//! The size of states in memory, known before anything is computed.

use crate::error::{Error, Result};
use crate::hooks::Capture;
use stratoscope_loader::free_memory;
use stratoscope_transformer::{Architecture, HookPoint};

/// The number of values of `rows` rows at `layers` layers, and of captures for sequences of so many
/// tokens.
pub(crate) fn values_of(
    states: [usize; 3],
    captures: &[Capture],
    architecture: &Architecture,
    tokens: impl Iterator<Item = usize>,
) -> u64 {
    let product = |sizes: &[usize]| sizes.iter().fold(1u64, |all, &n| all.saturating_mul(n as u64));
    let a = architecture;
    let of_sequence = |n: usize| {
        let of_capture = |&capture: &Capture| match capture {
            _ if capture.is_pattern() => product(&[a.n_heads, n, n]),
            Capture::Hook(HookPoint::Value(_)) => product(&[n, a.n_kv_heads, a.d_value()]),
            Capture::Hook(HookPoint::Router(i)) => {
                product(&[n, a.mixture_of(i).map_or(0, |mixture| mixture.n_experts)])
            }
            Capture::Hook(HookPoint::Logits) => product(&[n, a.d_vocab]),
            _ => product(&[n, a.d_model]),
        };
        captures.iter().map(of_capture).fold(0, u64::saturating_add)
    };
    let hooks = tokens.map(of_sequence).fold(0, u64::saturating_add);
    product(&states).saturating_add(hooks)
}

/// Refuses states that do not fit into the free memory of the machine, as far as it is known.
///
/// # Errors
/// [`Error::Memory`].
pub(crate) fn check_memory(values: u64) -> Result<()> {
    check(values, free_memory())
}

fn check(values: u64, free: Option<u64>) -> Result<()> {
    let bytes = values.saturating_mul(4);
    match free {
        Some(free) if bytes > free => Err(Error::Memory { bytes, free }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_larger_than_the_memory_are_refused() {
        assert!(check(1 << 20, None).is_ok() && check(1 << 20, Some(4 << 20)).is_ok());
        let said = check(3 << 29, Some(1 << 30)).unwrap_err().to_string();
        assert!(
            said.starts_with("the states need 6.0 GiB of memory, and 1.0 GiB are free"),
            "{said}"
        );
        assert!(check(u64::MAX, Some(1 << 40)).is_err());
        let base = Architecture { n_heads: usize::MAX, ..Architecture::BASE };
        let pattern = [Capture::Hook(HookPoint::Pattern(0))];
        // No size overflows.
        assert_eq!(values_of([1, 1, 8], &pattern, &base, [usize::MAX].into_iter()), u64::MAX);
    }
}
