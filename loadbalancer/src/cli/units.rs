//! Numbers as people read them: three digits or so, and a unit. Exact ones are in the JSON.

const PREFIXES: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];

/// A count, such as `12.3 k`.
pub(super) fn count(value: u64) -> String {
    with_unit(as_f64(value), "")
}

/// Bytes, such as `4.5 MB`.
pub(super) fn bytes(value: u64) -> String {
    with_unit(as_f64(value), "B")
}

/// A rate without its unit, such as `82.5` or `12.3 k`.
pub(super) fn rate(value: f64) -> String {
    with_unit(value, "")
}

/// A rate with its unit, such as `9.9 Mbit/s`.
pub(super) fn rate_of(value: f64, unit: &str) -> String {
    with_unit(value, unit)
}

/// A count and what is counted, such as `1 service` or `12.3 k packets`.
pub(super) fn counted(value: u64, singular: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    format!("{} {singular}{plural}", count(value))
}

/// A time span in its two largest units, such as `1 h 2 m`.
pub(super) fn duration(seconds: f64) -> String {
    let seconds = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} m {} s", seconds % 60),
        3_600..86_400 => format!("{hours} h {} m", minutes % 60),
        86_400.. => format!("{days} d {} h", hours % 24),
    }
}

/// Decimal prefixes: 1 k is 1,000.
fn with_unit(value: f64, unit: &str) -> String {
    let mut scaled = value;
    let mut prefixes = PREFIXES.iter().copied().peekable();
    let mut prefix = prefixes.next().unwrap_or_default();
    // What one decimal place would round up to 1000.0 belongs to the next prefix.
    while scaled >= 999.95 && prefixes.peek().is_some() {
        scaled /= 1_000.0;
        prefix = prefixes.next().unwrap_or_default();
    }
    let number = if prefix.is_empty() {
        let text = format!("{scaled:.1}");
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    } else {
        format!("{scaled:.1}")
    };
    match format!("{prefix}{unit}").as_str() {
        "" => number,
        unit => format!("{number} {unit}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "one decimal place of three digits is shown")]
fn as_f64(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::{bytes, count, duration, rate, rate_of};

    #[test]
    fn small_counts_are_exact_and_large_ones_have_a_prefix() {
        let cases = [
            (0, "0"),
            (7, "7"),
            (999, "999"),
            (1_000, "1.0 k"),
            (12_345, "12.3 k"),
            (999_949, "999.9 k"),
            (999_950, "1.0 M"),
            (u64::MAX, "18.4 E"),
        ];
        for (value, text) in cases {
            assert_eq!(count(value), text, "{value}");
        }
        assert_eq!(bytes(4_500_000), "4.5 MB");
        assert_eq!(bytes(12), "12 B");
    }

    #[test]
    fn small_rates_have_a_decimal_place() {
        assert_eq!(rate(0.0), "0");
        assert_eq!(rate(0.5), "0.5");
        assert_eq!(rate(82.0), "82");
        assert_eq!(rate(999.97), "1.0 k");
        assert_eq!(rate_of(9_876_480.0, "bit/s"), "9.9 Mbit/s");
        assert_eq!(rate_of(3.0, "bit/s"), "3 bit/s");
    }

    #[test]
    fn time_spans_have_their_two_largest_units() {
        let cases = [
            (0.9, "0 s"),
            (59.9, "59 s"),
            (95.0, "1 m 35 s"),
            (3_725.5, "1 h 2 m"),
            (100_000.0, "1 d 3 h"),
            (-1.0, "0 s"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
    }
}
