//! Numbers, rounded exactly as Python's `float` does.

/// The longest cell, in bytes, as in Python's `csv` module. A longer one is most likely a quotation
/// mark that is not closed.
pub const LONGEST_CELL: usize = 131_072;

/// The sign of decimals and what else may stand in the cells of a column of numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Notation {
    /// The sign before the decimals: a point or a comma.
    pub decimal: u8,
    /// The sign between groups of three digits, or nothing.
    pub thousands: Vec<u8>,
    /// A text that stands before each number, such as a currency sign, or nothing.
    pub prefix: Vec<u8>,
    /// A text that stands after each number, such as a percent sign, or nothing.
    pub suffix: Vec<u8>,
}

impl Notation {
    /// True if the digits and the sign of decimals are all that a cell holds.
    pub fn is_plain(&self) -> bool {
        self.thousands.is_empty() && self.prefix.is_empty() && self.suffix.is_empty()
    }

    /// Return the number that a whole cell without blanks around it holds, and if it is written as
    /// an integer.
    pub fn parse(&self, cell: &[u8]) -> Option<(f64, bool)> {
        if self.is_plain() {
            return whole(cell, self.decimal);
        }
        let (mut sign, mut digits) = split_sign(cell);
        if !self.prefix.is_empty() {
            digits = trimmed(digits.strip_prefix(self.prefix.as_slice())?);
        }
        if !self.suffix.is_empty() {
            digits = trimmed(digits.strip_suffix(self.suffix.as_slice())?);
        }
        if sign.is_empty() && !self.prefix.is_empty() {
            (sign, digits) = split_sign(digits);
        }
        if !digits.first().is_some_and(|&first| first.is_ascii_digit() || first == self.decimal) {
            return None; // a second sign, or a word
        }
        let mut plain = sign.to_vec();
        if self.thousands.is_empty() {
            plain.extend_from_slice(digits);
        } else {
            self.put_without_groups(digits, &mut plain)?;
        }
        whole(&plain, self.decimal)
    }

    /// Write digits without the signs between groups of three; None if a group has another size.
    fn put_without_groups(&self, digits: &[u8], plain: &mut Vec<u8>) -> Option<()> {
        let is_end = |byte: &u8| *byte == self.decimal || byte | 0x20 == b'e';
        let (before, rest) =
            digits.split_at(digits.iter().position(is_end).unwrap_or(digits.len()));
        let mut group = before;
        let mut first = true;
        loop {
            let next = find(group, &self.thousands);
            let part = &group[..next.unwrap_or(group.len())];
            let is_single = first && next.is_none();
            let size = if first { 1..=3 } else { 3..=3 };
            if !is_single && !size.contains(&part.len()) {
                return None;
            }
            plain.extend_from_slice(part);
            let Some(next) = next else { break };
            group = &group[next + self.thousands.len()..];
            first = false;
        }
        plain.extend_from_slice(rest);
        Some(())
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn split_sign(cell: &[u8]) -> (&[u8], &[u8]) {
    cell.split_at(usize::from(matches!(cell.first(), Some(b'-' | b'+'))))
}

/// Return a text without the blanks around it, also those of other scripts, as in Python's `strip`.
pub fn trimmed(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii();
    let is_plain = |byte: Option<&u8>| byte.is_none_or(|&byte| (b'!'..=b'~').contains(&byte));
    if is_plain(text.first()) && is_plain(text.last()) {
        return text;
    }
    let Ok(text) = std::str::from_utf8(text) else { return text };
    let is_blank = |c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c);
    text.trim_matches(is_blank).as_bytes()
}

/// Return the number that a whole cell holds, and if it is written as an integer.
fn whole(cell: &[u8], decimal: u8) -> Option<(f64, bool)> {
    match start(cell, 0, decimal) {
        Some(number) if number.end == cell.len() => Some((number.value, number.is_integer)),
        _ => infinity(cell).map(|value| (value, false)),
    }
}

fn infinity(cell: &[u8]) -> Option<f64> {
    let (sign, word) = split_sign(cell);
    let is_infinite = word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity");
    is_infinite.then_some(if sign == b"-" { f64::NEG_INFINITY } else { f64::INFINITY })
}

/// A number at the start of some bytes.
pub struct Number {
    pub value: f64,
    /// The position after its last digit.
    pub end: usize,
    /// True if it has no decimals and no exponent.
    pub is_integer: bool,
}

/// Powers of ten that are float64 numbers.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// The most digits whose number is surely below 2^64.
const DIGITS: usize = 19;

/// Return the number that begins at `at`, or None if there is none. The caller checks what follows.
#[inline(always)]
pub fn start(bytes: &[u8], at: usize, decimal: u8) -> Option<Number> {
    let byte = |i: usize| bytes.get(i).copied().unwrap_or(0);
    let first = byte(at);
    let mut i = at + usize::from(first == b'-' || first == b'+');
    let start = i;
    let mut mantissa = 0_u64;
    i = digits(bytes, i, &mut mantissa);
    let mut n = i - start;
    let mut exponent = 0_i64;
    let mut is_integer = true;
    if byte(i) == decimal {
        is_integer = false;
        let from = i + 1;
        i = digits(bytes, from, &mut mantissa);
        exponent = -((i - from) as i64);
        n += i - from;
    }
    if n == 0 {
        return None;
    }
    if byte(i) | 0x20 == b'e' {
        is_integer = false;
        let negative = byte(i + 1) == b'-';
        let from = i + 1 + usize::from(negative || byte(i + 1) == b'+');
        let mut power = 0_i64;
        i = from;
        while byte(i).is_ascii_digit() {
            power = (power * 10 + i64::from(byte(i) - b'0')).min(1 << 32);
            i += 1;
        }
        if i == from {
            return None;
        }
        exponent += if negative { -power } else { power };
    }
    let size = if n <= DIGITS { rounded(mantissa, exponent) } else { None };
    let value = match size {
        Some(size) => {
            if first == b'-' {
                -size
            } else {
                size
            }
        }
        None => by_std(&bytes[at..i], decimal)?,
    };
    Some(Number { value, end: i, is_integer })
}

/// Read digits from `i` on; return the position after them.
#[inline(always)]
fn digits(bytes: &[u8], mut i: usize, mantissa: &mut u64) -> usize {
    while let Some(eight) = bytes.get(i..i + 8) {
        let eight = u64::from_le_bytes(eight.try_into().unwrap());
        if !are_digits(eight) {
            break;
        }
        *mantissa = mantissa.wrapping_mul(100_000_000).wrapping_add(number_of(eight));
        i += 8;
    }
    while let Some(digit) = bytes.get(i).map(|byte| byte.wrapping_sub(b'0')) {
        if digit > 9 {
            break;
        }
        *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        i += 1;
    }
    i
}

/// True if all eight bytes are digits.
#[inline(always)]
fn are_digits(eight: u64) -> bool {
    let above = eight.wrapping_add(0x4646_4646_4646_4646);
    let below = eight.wrapping_sub(0x3030_3030_3030_3030);
    (above | below) & 0x8080_8080_8080_8080 == 0
}

/// Return the number of eight digits, the first of which is the lowest byte.
#[inline(always)]
fn number_of(eight: u64) -> u64 {
    let pairs = eight.wrapping_sub(0x3030_3030_3030_3030);
    let pairs = pairs.wrapping_mul(10).wrapping_add(pairs >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    low.wrapping_add(high) >> 32
}

/// mantissa · 10^exponent, rounded once to the nearest float64, or None if it takes longer.
#[inline(always)]
fn rounded(mantissa: u64, exponent: i64) -> Option<f64> {
    let power = exponent.unsigned_abs() as usize;
    if mantissa <= 1 << 53 && power < POWERS.len() {
        // Both are float64 numbers, so that one operation rounds once.
        let mantissa = mantissa as f64;
        return Some(if exponent < 0 {
            mantissa / POWERS[power]
        } else {
            mantissa * POWERS[power]
        });
    }
    if power > DIGITS {
        return None;
    }
    let power = 10_u64.pow(power as u32);
    if exponent >= 0 {
        return Some((u128::from(mantissa) * u128::from(power)) as f64);
    }
    // A quotient of 63 or 64 bits, whose last bit is set if there is a remainder, rounds to the 53
    // bits of a float64 as the exact quotient does.
    let (shift, scale) = (mantissa.leading_zeros(), power.leading_zeros());
    let numerator = u128::from(mantissa << shift) << 63;
    let denominator = u128::from(power << scale);
    let quotient = (numerator / denominator) as u64;
    let has_rest = u128::from(quotient) * denominator != numerator;
    let exponent = i64::from(scale) - i64::from(shift) - 63;
    let two_to = f64::from_bits(((exponent + 1023) as u64) << 52);
    Some((quotient | u64::from(has_rest)) as f64 * two_to)
}

/// Return the number of many digits or with a large exponent, by the standard library.
#[cold]
fn by_std(text: &[u8], decimal: u8) -> Option<f64> {
    if text.len() > LONGEST_CELL {
        return None; // the scan of the cell reports it
    }
    let text: Vec<u8> =
        text.iter().map(|&byte| if byte == decimal { b'.' } else { byte }).collect();
    std::str::from_utf8(&text).ok()?.parse().ok()
}

/// Return the seconds of a time of day such as 9:30 or 23:59:59.5.
pub fn time_of_day(cell: &[u8]) -> Option<f64> {
    let (nanoseconds, rest) = super::dates::clock(cell)?;
    rest.is_empty().then(|| {
        let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
        seconds as f64 + rest as f64 / 1e9
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Option<f64> {
        whole(text.as_bytes(), b'.').map(|(value, _)| value)
    }

    #[test]
    fn numbers_equal_those_of_the_standard_library() {
        let mut state = 1_u64;
        let mut random = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % n
        };
        for _ in 0..300_000 {
            let value = f64::from_bits(random(1 << 31) << 33 | random(1 << 31) << 2 | random(4));
            let digits = 1 + random(25) as usize;
            let some = [
                format!("{value:?}"),
                format!("{:.*}", digits, (value % 1e6)),
                format!("{value:.digits$e}"),
                format!("{}.{}", random(1 << 31), random(1 << 31)),
                format!("-{}{:09}.{:09}", random(1 << 31), random(1 << 30), random(1 << 30)),
                format!("0.{:09}{:09}", random(1_000_000_000), random(1_000_000_000)),
                format!("{}e{}", random(1 << 31), random(40) as i64 - 20),
                format!("{}{:09}e-{}", random(1 << 31), random(1_000_000_000), random(25)),
            ];
            for text in some.iter().filter(|text| !text.contains("NaN") && !text.contains("inf")) {
                let exact: f64 = text.parse().unwrap();
                assert_eq!(plain(text).map(f64::to_bits), Some(exact.to_bits()), "{text}");
            }
        }
    }

    #[test]
    fn ties_round_to_even() {
        for text in [
            "9007199254740993",
            "9007199254740995",
            "900719925474099.35",
            "18014398509481986",
            "0.5000000000000000555",
            "1.00000000000000011102230246251565404236316680908203125",
            "1.00000000000000011102230246251565404236316680908203124",
            "2.2250738585072011e-308",
            "4.9e-324",
            "1e400",
            "-1e-400",
            "00000000000000000000012.5",
        ] {
            let exact: f64 = text.parse().unwrap();
            assert_eq!(plain(text).map(f64::to_bits), Some(exact.to_bits()), "{text}");
        }
    }

    #[test]
    fn words_and_parts_are_no_numbers() {
        for text in ["", "-", "+", ".", "e5", "1e", "1e+", "1_0", "0x1F", "1.2.3", "1,5", "--1"] {
            assert_eq!(plain(text), None, "{text}");
        }
        assert_eq!(plain(".5"), Some(0.5));
        assert_eq!(plain("5."), Some(5.0));
        assert_eq!(plain("-inf"), Some(f64::NEG_INFINITY));
    }

    #[test]
    fn other_notations() {
        let notation = |decimal: u8, thousands: &str, prefix: &str, suffix: &str| Notation {
            decimal,
            thousands: thousands.into(),
            prefix: prefix.into(),
            suffix: suffix.into(),
        };
        let value = |n: &Notation, cell: &str| n.parse(cell.as_bytes()).map(|(value, _)| value);
        let german = notation(b',', ".", "", " €".trim());
        assert_eq!(value(&german, "1.234.567,89 €"), Some(1_234_567.89));
        assert_eq!(value(&german, "12 €"), Some(12.0));
        assert_eq!(value(&german, "12"), None);
        assert_eq!(value(&german, "12.34 €"), None);
        let dollars = notation(b'.', ",", "$", "");
        assert_eq!(value(&dollars, "-$1,200.50"), Some(-1200.5));
        assert_eq!(value(&dollars, "$-1,200"), Some(-1200.0));
        assert_eq!(value(&dollars, "$1,20"), None);
        assert_eq!(value(&dollars, "$1200"), Some(1200.0));
        assert_eq!(value(&dollars, "$$5"), None);
        assert_eq!(value(&dollars, "--$5"), None);
        assert_eq!(value(&notation(b'.', ",", "", ""), "- 5"), None);
        assert_eq!(value(&notation(b'.', "", "", "%"), "53 %"), Some(53.0));
        assert_eq!(value(&notation(b',', "\u{202f}", "", ""), "1\u{202f}200,5"), Some(1200.5));
    }

    #[test]
    fn times_of_day() {
        assert_eq!(time_of_day(b"9:30"), Some(34_200.0));
        assert_eq!(time_of_day(b"23:59:59.5"), Some(86_399.5));
        assert_eq!(time_of_day(b"24:00"), None);
        assert_eq!(time_of_day(b"9:3"), None);
    }

    #[test]
    fn blanks_of_all_scripts_are_trimmed() {
        assert_eq!(trimmed("\u{a0}\x1c 5\u{3000}".as_bytes()), b"5");
        assert_eq!(trimmed("é ".as_bytes()), "é".as_bytes());
    }
}
