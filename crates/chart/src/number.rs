//! Numbers as text in figures and notes.

/// `value` with `digits` decimals and a true minus sign; very large and small values as powers of ten.
pub fn number(value: f64, digits: usize) -> String {
    let plain = if value == 0.0 {
        format!("{value:.*}", if digits > 4 { 0 } else { digits })
    } else if value.abs() >= 1e5 || digits > 4 && value.abs() < 1e-3 {
        format!("{value:.1e}")
    } else {
        format!("{value:.*}", digits.min(6))
    };
    let unsigned = plain.trim_start_matches('-');
    let is_zero = !unsigned.contains(|c: char| c.is_ascii_digit() && c != '0');
    if plain.starts_with('-') && !is_zero { format!("−{unsigned}") } else { unsigned.to_owned() }
}

/// Three significant digits.
pub fn brief(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = (2.0 - value.abs().log10().floor()).clamp(0.0, 5.0) as usize;
    number(value, digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(-0.001, 2), "0.00");
        assert_eq!(number(-1.5, 1), "−1.5");
        assert_eq!(brief(22552.4), "22552");
        assert_eq!(brief(0.01234), "0.0123");
        assert_eq!(number(0.0, 300), "0");
        assert_eq!(number(2e-9, 9), "2.0e-9");
    }
}
