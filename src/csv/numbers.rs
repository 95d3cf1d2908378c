//! Numbers, rounded exactly as Python's `float` does.

use super::decimal::rounded;
use super::scan::eight_at;

/// The longest cell, in bytes, as in Python's `csv` module. A longer one is most likely a quotation
/// mark that is not closed.
pub const LONGEST_CELL: usize = 131_072;

/// How negative numbers or exponents are written, if not as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    #[default]
    Plain,
    /// Negative numbers stand in parentheses.
    Parentheses,
    /// The minus stands after the digits.
    TrailingMinus,
    /// The minus is U+2212.
    MinusSign,
    /// Exponents begin with D, as in Fortran.
    Fortran,
}

const MINUS_SIGN: &[u8] = "\u{2212}".as_bytes();

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
    pub style: Style,
}

impl Notation {
    /// True if the digits and the sign of decimals are all that a cell holds.
    pub fn is_plain(&self) -> bool {
        self.thousands.is_empty()
            && self.prefix.is_empty()
            && self.suffix.is_empty()
            && self.style == Style::Plain
    }

    /// Return the number that a whole cell without blanks around it holds.
    pub fn parse(&self, cell: &[u8]) -> Option<Number> {
        if self.is_plain() {
            return whole(cell, self.decimal);
        }
        let (mut sign, mut digits) = self.split_negative(cell)?;
        if !self.prefix.is_empty() {
            digits = trimmed(digits.strip_prefix(self.prefix.as_slice())?);
        }
        if !self.suffix.is_empty() {
            digits = trimmed(digits.strip_suffix(self.suffix.as_slice())?);
        }
        if sign.is_empty() && !self.prefix.is_empty() {
            (sign, digits) = self.split_negative(digits)?;
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
        if self.style == Style::Fortran {
            let exponent = plain.iter_mut().find(|byte| matches!(byte, b'd' | b'D'));
            exponent.into_iter().for_each(|byte| *byte = b'e');
        }
        let has_groups = plain.len() < sign.len() + digits.len();
        let mut number = whole(&plain, self.decimal)?;
        number.oddity = number.oddity.filter(|&oddity| oddity != Oddity::Code || !has_groups);
        Some(number)
    }

    /// Return the sign of a cell and the rest of it, or None if there are two signs.
    fn split_negative<'a>(&self, cell: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let negative = match self.style {
            Style::Parentheses => cell.strip_prefix(b"(").and_then(|rest| rest.strip_suffix(b")")),
            Style::TrailingMinus => cell.strip_suffix(b"-"),
            Style::MinusSign => cell.strip_prefix(MINUS_SIGN),
            Style::Plain | Style::Fortran => None,
        };
        let Some(rest) = negative else { return Some(split_sign(cell)) };
        let rest = trimmed(rest);
        (!matches!(rest.first(), Some(b'-' | b'+'))).then_some((b"-", rest))
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

/// Return the number that a whole cell holds.
fn whole(cell: &[u8], decimal: u8) -> Option<Number> {
    match start(cell, 0, decimal) {
        Some(number) if number.end == cell.len() => Some(number),
        _ => infinity(cell),
    }
}

fn infinity(cell: &[u8]) -> Option<Number> {
    let (sign, word) = split_sign(cell);
    let is_infinite = word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity");
    let value = if sign == b"-" { f64::NEG_INFINITY } else { f64::INFINITY };
    let oddity = Some(Oddity::Infinite);
    is_infinite.then_some(Number { value, end: cell.len(), is_integer: false, oddity })
}

/// A number at the start of some bytes.
pub struct Number {
    pub value: f64,
    /// The position after its last digit.
    pub end: usize,
    /// True if it has no decimals and no exponent.
    pub is_integer: bool,
    pub oddity: Option<Oddity>,
}

/// What a number loses as float64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// Zeros before its digits, or a plus before many of them, as codes and telephone numbers have.
    Code,
    /// Digits of an integer.
    Rounded,
    /// All digits: it is beyond the largest float64.
    Overflow,
    /// Nothing, but it is a word for infinity.
    Infinite,
    /// Nothing, but it is an integer with an exponent, such as 12E5, which may be a code.
    Exponent,
}

/// The number of oddities.
pub const ODDITIES: usize = 5;

/// The fewest digits that make a telephone number of a plus and digits.
const TELEPHONE: usize = 9;

/// Return what an integer of `n` digits loses.
#[inline(always)]
fn oddity_of(integer: &[u8], n: usize, mantissa: u64, value: f64) -> Option<Oddity> {
    let digits = &integer[integer.len() - n..];
    let has_plus = integer[0] == b'+' && n >= TELEPHONE;
    if has_plus || (n > 1 && digits[0] == b'0' && integer[0] == b'0') {
        return Some(Oddity::Code);
    }
    if n <= 15 {
        return None;
    }
    let is_exact = if n <= DIGITS {
        (mantissa as f64) as u128 == u128::from(mantissa)
    } else {
        format!("{:.0}", value.abs()).as_bytes() == digits
    };
    (!is_exact).then_some(Oddity::Rounded)
}

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
    let mut is_code = false;
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
        is_code = is_integer && byte(i + 1).is_ascii_digit() && first.is_ascii_digit();
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
    // Zeros before the other digits leave the mantissa as it is.
    let has_few = n <= DIGITS || significant(&bytes[start..], n) <= DIGITS;
    let size = if has_few { rounded(mantissa, exponent) } else { None };
    let value = match size {
        // No branch on the sign, which is often random.
        Some(size) => f64::from_bits(size.to_bits() | u64::from(first == b'-') << 63),
        None => by_std(&bytes[at..i], decimal)?,
    };
    let oddity = if value.is_infinite() {
        Some(Oddity::Overflow)
    } else if is_integer {
        oddity_of(&bytes[at..i], n, mantissa, value)
    } else {
        is_code.then_some(Oddity::Exponent)
    };
    Some(Number { value, end: i, is_integer, oddity })
}

/// Read digits from `i` on; return the position after them.
#[inline(always)]
fn digits(bytes: &[u8], mut i: usize, mantissa: &mut u64) -> usize {
    while let Some(eight) = eight_at(bytes, i).filter(|&eight| are_digits(eight)) {
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

/// Return how many of the n digits that begin a text follow its leading zeros.
#[cold]
fn significant(number: &[u8], n: usize) -> usize {
    // The digits and their decimal sign, so that zeros of later cells do not count.
    let number = number.iter().take(n + 1);
    let zeros = number.take_while(|byte| !(b'1'..=b'9').contains(byte));
    n - zeros.filter(|&&byte| byte == b'0').count()
}

/// Return the number of many digits or with a large exponent, by the standard library.
#[cold]
fn by_std(text: &[u8], decimal: u8) -> Option<f64> {
    if text.len() > LONGEST_CELL {
        return None; // the scan of the cell reports it
    }
    if decimal == b'.' {
        return std::str::from_utf8(text).ok()?.parse().ok();
    }
    let point = |&byte: &u8| if byte == decimal { b'.' } else { byte };
    let text: Vec<u8> = text.iter().map(point).collect();
    std::str::from_utf8(&text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Option<f64> {
        whole(text.as_bytes(), b'.').map(|number| number.value)
    }

    #[test]
    fn zeros_of_the_next_cell_do_not_count() {
        for text in ["0000000000000000000000000", "0.000000000000000000000000"] {
            let line = format!("{text},0000000000000000000000000001\n");
            let number = start(line.as_bytes(), 0, b'.').unwrap();
            assert_eq!((number.value.to_bits(), number.end), (0, text.len()));
        }
        assert_eq!(plain("0.00000000000000000000000015"), Some(1.5e-25));
        assert_eq!(plain("-00000000000000000000000000.5"), Some(-0.5));
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
            style: Style::Plain,
        };
        let value = |n: &Notation, cell: &str| n.parse(cell.as_bytes()).map(|number| number.value);
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
    fn styles_of_negative_numbers_and_exponents() {
        let value = |style: Style, prefix: &str, cell: &str| {
            let (prefix, suffix, thousands) = (prefix.into(), vec![], b",".to_vec());
            let notation = Notation { decimal: b'.', thousands, prefix, suffix, style };
            notation.parse(cell.as_bytes()).map(|number| number.value)
        };
        assert_eq!(value(Style::Parentheses, "", "(1,200.5)"), Some(-1200.5));
        assert_eq!(value(Style::Parentheses, "", "-3"), Some(-3.0));
        assert_eq!(value(Style::Parentheses, "", "(-3)"), None);
        assert_eq!(value(Style::Parentheses, "", "(3"), None);
        assert_eq!(value(Style::Parentheses, "$", "($5)"), Some(-5.0));
        assert_eq!(value(Style::Parentheses, "$", "$ (5)"), Some(-5.0));
        assert_eq!(value(Style::Parentheses, "$", "($(5))"), None);
        assert_eq!(value(Style::TrailingMinus, "", "5.25-"), Some(-5.25));
        assert_eq!(value(Style::TrailingMinus, "", "-5-"), None);
        assert_eq!(value(Style::MinusSign, "", "\u{2212}5"), Some(-5.0));
        assert_eq!(value(Style::MinusSign, "", "\u{2212}\u{2212}5"), None);
        assert_eq!(value(Style::Fortran, "", "-1.5D-3"), Some(-1.5e-3));
        assert_eq!(value(Style::Fortran, "", "1.5D3D"), None);
    }

    #[test]
    fn integers_tell_what_they_lose() {
        let oddity = |text: &str| start(text.as_bytes(), 0, b'.').unwrap().oddity;
        for text in ["0", "-01", "00.5", "10", "+12345678", "9007199254740992", "-0"] {
            assert_eq!(oddity(text), None, "{text}");
        }
        for text in ["9007199254740994", "12000000000000000000", "100000000000000000000"] {
            assert_eq!(oddity(text), None, "{text}");
        }
        for text in ["00", "01234", "+491701234567"] {
            assert_eq!(oddity(text), Some(Oddity::Code), "{text}");
        }
        for text in ["9007199254740993", "-9007199254740993", "100000000000000000001"] {
            assert_eq!(oddity(text), Some(Oddity::Rounded), "{text}");
        }
        assert_eq!(oddity("18446744073709551615"), Some(Oddity::Rounded));
        assert_eq!(oddity("-1e400"), Some(Oddity::Overflow));
        assert_eq!(oddity("12E5"), Some(Oddity::Exponent));
        assert_eq!(oddity("1.5e5").or(oddity("1e+5")).or(oddity("-1e5")), None);
    }

    #[test]
    fn blanks_of_all_scripts_are_trimmed() {
        assert_eq!(trimmed("\u{a0}\x1c 5\u{3000}".as_bytes()), b"5");
        assert_eq!(trimmed("é ".as_bytes()), "é".as_bytes());
    }
}
