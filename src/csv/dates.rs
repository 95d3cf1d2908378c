//! Dates and times as nanoseconds since 1970-01-01 UTC.

use super::times::{Digits, leading_number, time_of_day};

/// The order of year, month and day in a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    YearMonthDay,
    DayMonthYear,
    MonthDayYear,
}

/// How the dates of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateNotation {
    pub order: Order,
    /// True if a time zone follows the time.
    pub has_zone: bool,
    /// True if months have English names, as in 5 March 2024 and 05-Mar-2024.
    pub has_names: bool,
    /// True if years have two digits: 69 to 99 are 1969 to 1999, and 00 to 68 are 2000 to 2068.
    pub is_short: bool,
    /// True if times are followed by AM or PM.
    pub is_half_day: bool,
    /// True if the date is eight digits, as in 20240305.
    pub is_compact: bool,
}

const NANOSECONDS: i64 = 1_000_000_000;

const MONTHS: [&[u8]; 12] = [
    b"january",
    b"february",
    b"march",
    b"april",
    b"may",
    b"june",
    b"july",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
];
const WEEKDAYS: [&[u8]; 7] =
    [b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday"];

struct Date {
    year: Digits,
    month: Digits,
    day: Digits,
}

/// Return the date that a whole cell without blanks around it holds, or None.
///
/// A date may be followed by a T or blanks, a time of day and, if `has_zone`, a time zone.
pub fn parse(cell: &[u8], notation: &DateNotation) -> Option<i64> {
    let (date, rest) = if notation.is_compact {
        eight_digits(cell)?
    } else if notation.has_names {
        named(cell, notation.order)?
    } else {
        numeric(cell, notation.order)?
    };
    let year = match (date.year.digits, notation.is_short) {
        (4, false) => date.year.value,
        (2, true) => date.year.value + if date.year.value < 69 { 2000 } else { 1900 },
        _ => return None,
    };
    if date.month.digits > 2 || date.day.digits > 2 {
        return None;
    }
    let days = days_since_1970(year, date.month.value, date.day.value)?;
    let time = if rest.is_empty() {
        (!notation.has_zone && !notation.is_half_day).then_some(0)
    } else {
        time_after(rest, notation)
    }?;
    days.checked_mul(86_400 * NANOSECONDS)?.checked_add(time)
}

/// Return the nanoseconds of a time of day in UTC that follows a date.
fn time_after(text: &[u8], notation: &DateNotation) -> Option<i64> {
    let text = text.strip_prefix(b",").unwrap_or(text);
    let blanks = text.iter().take_while(|&&byte| byte == b' ').count();
    let text = &text[if matches!(text.first(), Some(b'T' | b't')) { 1 } else { blanks }..];
    let (time, rest) = time_of_day(text, notation.is_half_day)?;
    let (zone, rest) = if notation.has_zone { zone(rest)? } else { (0, rest) };
    rest.is_empty().then_some(time - zone * NANOSECONDS)
}

/// Return a date of numbers with the same sign between them, and the rest of the text.
fn numeric(cell: &[u8], order: Order) -> Option<(Date, &[u8])> {
    let (first, rest) = leading_number(cell)?;
    let sign = *rest.first()?;
    if !matches!(sign, b'-' | b'/' | b'.') {
        return None;
    }
    let (second, rest) = leading_number(&rest[1..])?;
    let (third, rest) = leading_number(rest.strip_prefix(&[sign])?)?;
    let (year, month, day) = match order {
        Order::YearMonthDay => (first, second, third),
        Order::DayMonthYear => (third, second, first),
        Order::MonthDayYear => (third, first, second),
    };
    Some((Date { year, month, day }, rest))
}

fn eight_digits(cell: &[u8]) -> Option<(Date, &[u8])> {
    if cell.len() != 8 {
        return None;
    }
    let part = |from: usize, to: usize| Some(leading_number(&cell[from..to])?.0);
    let is_digits = cell.iter().all(u8::is_ascii_digit);
    let date = Date { year: part(0, 4)?, month: part(4, 6)?, day: part(6, 8)? };
    is_digits.then_some((date, &cell[8..]))
}

/// Return a date whose month has a name, perhaps after a day of the week, and the rest of the text.
fn named(cell: &[u8], order: Order) -> Option<(Date, &[u8])> {
    let cell = match leading_name(cell, &WEEKDAYS) {
        Some((_, rest)) => after_separator(rest),
        None => cell,
    };
    Some(match order {
        Order::YearMonthDay => {
            let (year, rest) = leading_number(cell)?;
            let (month, rest) = leading_name(after_separator(rest), &MONTHS)?;
            let (day, rest) = leading_day(after_separator(rest))?;
            (Date { year, month, day }, rest)
        }
        Order::DayMonthYear => {
            let (day, rest) = leading_day(cell)?;
            let (month, rest) = leading_name(after_separator(rest), &MONTHS)?;
            let (year, rest) = leading_number(after_separator(rest))?;
            (Date { year, month, day }, rest)
        }
        Order::MonthDayYear => {
            let (month, rest) = leading_name(cell, &MONTHS)?;
            let (day, rest) = leading_day(after_separator(rest))?;
            let (year, rest) = leading_number(after_separator(rest))?;
            (Date { year, month, day }, rest)
        }
    })
}

/// Return the number of a name, counted from 1, of which at least three letters begin a text.
fn leading_name<'a>(text: &'a [u8], names: &[&[u8]]) -> Option<(Digits, &'a [u8])> {
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = &text[..letters];
    let is_start = |name: &&[u8]| {
        letters >= 3 && letters <= name.len() && name[..letters].eq_ignore_ascii_case(word)
    };
    let k = names.iter().position(is_start)?;
    Some((Digits { value: k as i64 + 1, digits: 2 }, &text[letters..]))
}

/// Return a day of the month such as 5 or 5th.
fn leading_day(text: &[u8]) -> Option<(Digits, &[u8])> {
    let (day, rest) = leading_number(text)?;
    let endings: [&[u8]; 4] = [b"st", b"nd", b"rd", b"th"];
    let ending = rest.get(..2).filter(|two| endings.iter().any(|e| two.eq_ignore_ascii_case(e)));
    Some((day, &rest[ending.map_or(0, <[u8]>::len)..]))
}

/// Return the text after what separates the parts of a date: a sign, or blanks.
fn after_separator(text: &[u8]) -> &[u8] {
    let text = match text.first() {
        Some(b'-' | b'/' | b'.' | b',') => &text[1..],
        _ => text,
    };
    text.trim_ascii_start()
}

/// Return the seconds by which a time zone is before UTC, and the rest of the text.
fn zone(text: &[u8]) -> Option<(i64, &[u8])> {
    let text = text.trim_ascii_start();
    if text.get(..3).is_some_and(|name| matches!(name, b"UTC" | b"GMT")) {
        return Some((0, &text[3..]));
    }
    let sign = match text.first()? {
        b'Z' | b'z' => return Some((0, &text[1..])),
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

    fn notation(order: Order, has_zone: bool) -> DateNotation {
        DateNotation {
            order,
            has_zone,
            has_names: false,
            is_short: false,
            is_half_day: false,
            is_compact: false,
        }
    }

    fn read(text: &str, notation: &DateNotation) -> Option<f64> {
        parse(text.as_bytes(), notation).map(|time| time as f64 / 1e9)
    }

    fn seconds(text: &str, order: Order, has_zone: bool) -> Option<f64> {
        read(text, &notation(order, has_zone))
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
        assert_eq!(seconds("1970-01-01t00:01:00,25", YearMonthDay, false), Some(60.25));
        assert_eq!(seconds("1970-01-01  1:00", YearMonthDay, false), Some(3600.0));
        assert_eq!(seconds("1/1/1970, 1:00", DayMonthYear, false), Some(3600.0));
        assert_eq!(seconds("1970-01-01T02:00+01:30", YearMonthDay, true), Some(1800.0));
        assert_eq!(seconds("1970-01-01T00:00Z", YearMonthDay, true), Some(0.0));
        assert_eq!(seconds("1970-01-01 00:00 UTC", YearMonthDay, true), Some(0.0));
        assert_eq!(seconds("1970-01-01T00:00-0100", YearMonthDay, true), Some(3600.0));
        assert_eq!(seconds("1970-01-01T00:00Z", YearMonthDay, false), None);
        assert_eq!(seconds("1970-01-01T00:00", YearMonthDay, true), None);
        assert_eq!(seconds("1970-01-01T25:00", YearMonthDay, false), None);
        assert_eq!(seconds("1970-01-01x", YearMonthDay, false), None);
        let half_day = DateNotation { is_half_day: true, ..notation(MonthDayYear, false) };
        assert_eq!(read("1/2/1970 12:30 AM", &half_day), Some(88_200.0));
        assert_eq!(read("1/2/1970", &half_day), None);
    }

    #[test]
    fn names_of_months() {
        let named = |order| DateNotation { has_names: true, ..notation(order, false) };
        for text in ["29-Feb-2024", "29 February 2024", "29. FEB. 2024", "Thu, 29 feb 2024"] {
            assert_eq!(read(text, &named(DayMonthYear)), Some(1_709_164_800.0), "{text}");
        }
        assert_eq!(read("29FEB2024", &named(DayMonthYear)), Some(1_709_164_800.0));
        assert_eq!(read("Feb 29, 2024", &named(MonthDayYear)), Some(1_709_164_800.0));
        assert_eq!(read("February 29th, 2024", &named(MonthDayYear)), Some(1_709_164_800.0));
        assert_eq!(read("2024-Feb-29", &named(YearMonthDay)), Some(1_709_164_800.0));
        for text in ["29 Febuary 2024", "30 Feb 2024", "29 Fe 2024", "29 02 2024", "29 Feb 24"] {
            assert_eq!(read(text, &named(DayMonthYear)), None, "{text}");
        }
        let short = DateNotation { is_short: true, ..named(DayMonthYear) };
        assert_eq!(read("29-Feb-24", &short), Some(1_709_164_800.0));
    }

    #[test]
    fn short_and_compact_dates() {
        let short = |order| DateNotation { is_short: true, ..notation(order, false) };
        assert_eq!(read("29/02/24", &short(DayMonthYear)), Some(1_709_164_800.0));
        assert_eq!(read("24-02-29", &short(YearMonthDay)), Some(1_709_164_800.0));
        assert_eq!(read("1.1.69", &short(DayMonthYear)), Some(-31_536_000.0));
        assert_eq!(read("1.1.68", &short(DayMonthYear)), Some(3_092_601_600.0));
        assert_eq!(read("1.1.1968", &short(DayMonthYear)), None);
        let compact = DateNotation { is_compact: true, ..notation(YearMonthDay, false) };
        assert_eq!(read("20240229", &compact), Some(1_709_164_800.0));
        assert_eq!(read("20230229", &compact), None);
        assert_eq!(read("2024029", &compact), None);
    }
}
