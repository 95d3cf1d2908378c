//! Times of day and durations.

const NANOSECONDS: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * NANOSECONDS;
const HOUR: i64 = 60 * MINUTE;

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Hours from 0 to 23.
    Day,
    /// Hours from 1 to 12, before AM or PM.
    HalfDay,
    /// Any number of hours, as in 36:00:00, or of days, as in 2 days 12:00:00.
    Duration,
}

pub struct Digits {
    pub value: i64,
    pub digits: usize,
}

pub fn leading_number(text: &[u8]) -> Option<(Digits, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > 9 {
        return None;
    }
    let value = text[..digits].iter().fold(0, |value, byte| value * 10 + i64::from(byte - b'0'));
    Some((Digits { value, digits }, &text[digits..]))
}

/// Return the seconds that a whole cell holds.
pub fn seconds(cell: &[u8], clock: Clock) -> Option<f64> {
    let (nanoseconds, rest) = match clock {
        Clock::Duration => duration(cell)?,
        _ => time_of_day(cell, clock == Clock::HalfDay)?,
    };
    rest.is_empty().then(|| {
        let (seconds, rest) = (nanoseconds / NANOSECONDS, nanoseconds % NANOSECONDS);
        seconds as f64 + rest as f64 / 1e9
    })
}

/// Return a time of day at the start of a text, in nanoseconds, and the rest of the text.
pub fn time_of_day(text: &[u8], is_half_day: bool) -> Option<(i64, &[u8])> {
    let (hours, rest) = leading_number(text)?;
    if hours.digits > 2 {
        return None;
    }
    if !is_half_day {
        let (minutes, rest) = below_60(rest.strip_prefix(b":")?)?;
        let (seconds, rest) = optional_seconds(rest)?;
        return (hours.value < 24)
            .then_some((hours.value * HOUR + minutes * MINUTE + seconds, rest));
    }
    let (minutes, rest) = match rest.strip_prefix(b":") {
        Some(rest) => below_60(rest)?,
        None => (0, rest),
    };
    let (seconds, rest) = optional_seconds(rest)?;
    let (half, rest) = half_of_day(rest.trim_ascii_start())?;
    let hour = hours.value % 12 + 12 * half;
    (1..=12).contains(&hours.value).then_some((hour * HOUR + minutes * MINUTE + seconds, rest))
}

/// Return 0 for AM and 1 for PM at the start of a text, and the rest of the text.
fn half_of_day(text: &[u8]) -> Option<(i64, &[u8])> {
    let half = match text.first()?.to_ascii_lowercase() {
        b'a' => 0,
        b'p' => 1,
        _ => return None,
    };
    let has_points = text.get(1) == Some(&b'.');
    let rest = &text[1 + usize::from(has_points)..];
    let rest = rest.strip_prefix(b"m").or_else(|| rest.strip_prefix(b"M"))?;
    Some((half, if has_points { rest.strip_prefix(b".").unwrap_or(rest) } else { rest }))
}

/// Return a number of two digits below 60.
fn below_60(text: &[u8]) -> Option<(i64, &[u8])> {
    let (number, rest) = leading_number(text)?;
    (number.digits == 2 && number.value < 60).then_some((number.value, rest))
}

/// Return the nanoseconds of ":59.5", or 0 if there are no seconds.
fn optional_seconds(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(text) = text.strip_prefix(b":") else { return Some((0, text)) };
    let (seconds, rest) = below_60(text)?;
    let (fraction, rest) = fraction(rest)?;
    Some((seconds * NANOSECONDS + fraction, rest))
}

/// Return the nanoseconds of ".5" or ",5", or 0 if there are none.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(text) = text.strip_prefix(b".").or_else(|| text.strip_prefix(b",")) else {
        return Some((0, text));
    };
    let (fraction, rest) = leading_number(text)?;
    Some((fraction.value * 10_i64.pow(9 - fraction.digits as u32), rest))
}

/// Return a duration such as 36:00:00, 59:59.5 or 2 days 12:00:00 at the start of a text.
fn duration(text: &[u8]) -> Option<(i64, &[u8])> {
    let (is_negative, text) = match text.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix(b"+").unwrap_or(text)),
    };
    let (days, text) = leading_days(text)?;
    let (first, rest) = leading_number(text)?;
    let (minutes, rest) = below_60(rest.strip_prefix(b":")?)?;
    let (time, rest) = if rest.first() == Some(&b':') {
        let (seconds, rest) = optional_seconds(rest)?;
        (first.value.checked_mul(HOUR)? + minutes * MINUTE + seconds, rest)
    } else {
        // Two numbers are minutes and seconds if there are decimals.
        let (fraction, after) = fraction(rest)?;
        if after.len() == rest.len() {
            return None;
        }
        (first.value.checked_mul(MINUTE)? + minutes * NANOSECONDS + fraction, after)
    };
    let total = days.checked_mul(24 * HOUR)?.checked_add(time)?;
    Some((if is_negative { -total } else { total }, rest))
}

/// Return the number of "2 days" at the start of a text, or 0 if there are none.
fn leading_days(text: &[u8]) -> Option<(i64, &[u8])> {
    let (days, rest) = leading_number(text)?;
    let word = rest.trim_ascii_start();
    let Some(rest) = word.strip_prefix(b"day") else { return Some((0, text)) };
    let rest = rest.strip_prefix(b"s").unwrap_or(rest);
    Some((days.value, rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        let time = |text: &str| seconds(text.as_bytes(), Clock::Day);
        assert_eq!(time("9:30"), Some(34_200.0));
        assert_eq!(time("23:59:59.5"), Some(86_399.5));
        assert_eq!(time("23:59:59,5"), Some(86_399.5));
        for text in ["24:00", "9:3", "9:60", "9:30 AM", "-9:30", "9"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn halves_of_a_day() {
        let time = |text: &str| seconds(text.as_bytes(), Clock::HalfDay);
        assert_eq!(time("12:00 AM"), Some(0.0));
        assert_eq!(time("12:30pm"), Some(45_000.0));
        assert_eq!(time("9:30:15 p.m."), Some(77_415.0));
        assert_eq!(time("9 am"), Some(32_400.0));
        for text in ["9:30", "13:00 PM", "0:10 AM", "9:30 XM", "9:30 A"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn durations() {
        let time = |text: &str| seconds(text.as_bytes(), Clock::Duration);
        assert_eq!(time("36:00:00"), Some(129_600.0));
        assert_eq!(time("-1:00:00.5"), Some(-3600.5));
        assert_eq!(time("75:30.5"), Some(4530.5));
        assert_eq!(time("2 days 01:00:00"), Some(176_400.0));
        assert_eq!(time("1 day, 0:00:01"), Some(86_401.0));
        for text in ["36:00", "36:60:00", "2 days", "1:2:3"] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
