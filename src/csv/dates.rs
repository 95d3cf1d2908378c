//! Dates and times as nanoseconds since 1970-01-01 UTC.

/// The order of year, month and day in a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    YearMonthDay,
    DayMonthYear,
    MonthDayYear,
}

const NANOSECONDS: i64 = 1_000_000_000;

/// Return the date that a whole cell without blanks around it holds, or None.
///
/// A date may be followed by a T or blanks, a time of day and, if `has_zone`, a time zone.
pub fn parse(cell: &[u8], order: Order, has_zone: bool) -> Option<i64> {
    let (first, rest) = leading_number(cell)?;
    let sign = *rest.first()?;
    if !matches!(sign, b'-' | b'/' | b'.') {
        return None;
    }
    let (second, rest) = leading_number(&rest[1..])?;
    let (third, mut rest) = leading_number(rest.strip_prefix(&[sign])?)?;
    let (year, month, day) = match order {
        Order::YearMonthDay => (first, second, third),
        Order::DayMonthYear => (third, second, first),
        Order::MonthDayYear => (third, first, second),
    };
    if year.digits != 4 || month.digits > 2 || day.digits > 2 {
        return None;
    }
    let days = days_since_1970(year.value, month.value, day.value)?;
    let mut time = 0;
    if !rest.is_empty() {
        let blanks = rest.iter().take_while(|&&byte| byte == b' ').count();
        rest = &rest[if rest[0] == b'T' { 1 } else { blanks }..];
        (time, rest) = clock(rest)?;
        if has_zone {
            let (zone, end) = zone(rest)?;
            (time, rest) = (time - zone * NANOSECONDS, end);
        }
        if !rest.is_empty() {
            return None;
        }
    } else if has_zone {
        return None;
    }
    days.checked_mul(86_400 * NANOSECONDS)?.checked_add(time)
}

struct Digits {
    value: i64,
    digits: usize,
}

fn leading_number(text: &[u8]) -> Option<(Digits, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > 9 {
        return None;
    }
    let value = text[..digits].iter().fold(0, |value, byte| value * 10 + i64::from(byte - b'0'));
    Some((Digits { value, digits }, &text[digits..]))
}

/// Return a time of day at the start of a text, in nanoseconds, and the rest of the text.
pub fn clock(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hours, rest) = leading_number(text)?;
    let (minutes, mut rest) = leading_number(rest.strip_prefix(b":")?)?;
    if hours.digits > 2 || hours.value > 23 || minutes.digits != 2 || minutes.value > 59 {
        return None;
    }
    let mut nanoseconds = (hours.value * 60 + minutes.value) * 60 * NANOSECONDS;
    if let Some(after) = rest.strip_prefix(b":") {
        let (seconds, after) = leading_number(after)?;
        if seconds.digits != 2 || seconds.value > 59 {
            return None;
        }
        nanoseconds += seconds.value * NANOSECONDS;
        rest = after;
        if let Some(after) = rest.strip_prefix(b".") {
            let (fraction, after) = leading_number(after)?;
            nanoseconds += fraction.value * 10_i64.pow(9 - fraction.digits as u32);
            rest = after;
        }
    }
    Some((nanoseconds, rest))
}

/// Return the seconds by which a time zone is before UTC, and the rest of the text.
fn zone(text: &[u8]) -> Option<(i64, &[u8])> {
    let text = text.trim_ascii_start();
    let sign = match text.first()? {
        b'Z' => return Some((0, &text[1..])),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = leading_number(&text[1..])?;
    let (hours, minutes, rest) = match (hours.digits, rest.strip_prefix(b":")) {
        (2, None) => (hours.value, 0, rest),
        (4, None) => (hours.value / 100, hours.value % 100, rest),
        (2, Some(rest)) => {
            let (minutes, rest) = leading_number(rest)?;
            if minutes.digits != 2 {
                return None;
            }
            (hours.value, minutes.value, rest)
        }
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some((sign * (hours * 60 + minutes) * 60, rest))
}

/// Return the days from 1970-01-01 to a date of the Gregorian calendar, or None if there is no such
/// date.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years that begin in March end with the leap day; 719468 days lie before 1970.
    let year = year - i64::from(month <= 2);
    let days = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + days
            - 719_468,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use Order::{DayMonthYear, MonthDayYear, YearMonthDay};

    fn seconds(text: &str, order: Order, has_zone: bool) -> Option<f64> {
        parse(text.as_bytes(), order, has_zone).map(|time| time as f64 / 1e9)
    }

    #[test]
    fn dates_are_counted_from_1970() {
        assert_eq!(seconds("1970-01-01", YearMonthDay, false), Some(0.0));
        assert_eq!(seconds("1969-12-31", YearMonthDay, false), Some(-86_400.0));
        assert_eq!(seconds("2000-02-29", YearMonthDay, false), Some(951_782_400.0));
        assert_eq!(seconds("2024/2/29", YearMonthDay, false), Some(1_709_164_800.0));
        assert_eq!(seconds("29.02.2024", DayMonthYear, false), Some(1_709_164_800.0));
        assert_eq!(seconds("2/29/2024", MonthDayYear, false), Some(1_709_164_800.0));
        assert_eq!(seconds("2023-02-29", YearMonthDay, false), None);
        assert_eq!(seconds("1900-02-29", YearMonthDay, false), None);
        assert_eq!(seconds("01.02.24", DayMonthYear, false), None);
        assert_eq!(seconds("1.2/2024", DayMonthYear, false), None);
        assert_eq!(seconds("1500-01-01", YearMonthDay, false), None);
    }

    #[test]
    fn times_and_zones() {
        assert_eq!(seconds("1970-01-01T00:01:00.25", YearMonthDay, false), Some(60.25));
        assert_eq!(seconds("1970-01-01  1:00", YearMonthDay, false), Some(3600.0));
        assert_eq!(seconds("1970-01-01T02:00+01:30", YearMonthDay, true), Some(1800.0));
        assert_eq!(seconds("1970-01-01T00:00Z", YearMonthDay, true), Some(0.0));
        assert_eq!(seconds("1970-01-01T00:00-0100", YearMonthDay, true), Some(3600.0));
        assert_eq!(seconds("1970-01-01T00:00Z", YearMonthDay, false), None);
        assert_eq!(seconds("1970-01-01T00:00", YearMonthDay, true), None);
        assert_eq!(seconds("1970-01-01T25:00", YearMonthDay, false), None);
        assert_eq!(seconds("1970-01-01x", YearMonthDay, false), None);
    }
}
