//! The common part of all tables: entries with a name and settings, and their text form.
//!
//! An entry is written `relu`, `leaky_relu(0.1)` or `leaky_relu(slope=0.1)`: its settings are
//! numbers, in order or by name; the others have their defaults. The twin is `tables/registry.py`.

use std::fmt;

use crate::error::{Error, number};

/// One entry of a table.
#[derive(Debug, PartialEq)]
pub struct Entry {
    pub name: &'static str,
    pub settings: &'static [Setting],
}

/// One setting of an entry.
#[derive(Debug, PartialEq)]
pub struct Setting {
    pub name: &'static str,
    pub default: f64,
    pub accepted: Range,
}

/// The numbers that a setting accepts; none of them is NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    Any,
    Positive,
    NonNegative,
    /// From 0, below 1.
    Fraction,
    /// Between 0 and 1, exclusive.
    Inside,
    /// From 0 to 1, inclusive.
    Share,
    /// At least 1.
    AtLeastOne,
    /// 1, 2, 3, ...
    Count,
    /// 0, 1, 2, ...
    Natural,
    /// 0 for no, 1 for yes.
    Flag,
}

impl Range {
    fn contains(self, value: f64) -> bool {
        value.is_finite()
            && match self {
                Self::Any => true,
                Self::Positive => value > 0.0,
                Self::NonNegative => value >= 0.0,
                Self::Fraction => (0.0..1.0).contains(&value),
                Self::Inside => value > 0.0 && value < 1.0,
                Self::Share => (0.0..=1.0).contains(&value),
                Self::AtLeastOne => value >= 1.0,
                Self::Count => value >= 1.0 && value.fract() == 0.0,
                Self::Natural => value >= 0.0 && value.fract() == 0.0,
                Self::Flag => value == 0.0 || value == 1.0,
            }
    }

    /// Return the accepted numbers in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Any => "a finite number",
            Self::Positive => "a number > 0",
            Self::NonNegative => "a number >= 0",
            Self::Fraction => "a number >= 0 and < 1",
            Self::Inside => "a number > 0 and < 1",
            Self::Share => "a number >= 0 and <= 1",
            Self::AtLeastOne => "a number >= 1",
            Self::Count => "an integer >= 1",
            Self::Natural => "an integer >= 0",
            Self::Flag => "0 or 1",
        }
    }
}

/// Parse `text`: return the number of the entry, and the values of its settings.
pub fn parse(
    kind: &'static str,
    text: &str,
    rows: &[Entry],
    names: &'static [&'static str],
) -> Result<(usize, Vec<f64>), Error> {
    let malformed = || Error::Malformed { kind, given: text.into() };
    let (name, arguments) = match text.split_once('(') {
        None => (text.trim(), ""),
        Some((name, rest)) => {
            (name.trim(), rest.trim_end().strip_suffix(')').ok_or_else(malformed)?)
        }
    };
    let unknown = || Error::UnknownName { kind, given: name.into(), names };
    let index = rows.iter().position(|row| row.name == name).ok_or_else(unknown)?;
    let row = &rows[index];
    let mut values: Vec<f64> = row.settings.iter().map(|setting| setting.default).collect();
    let arguments = arguments.split(',').map(str::trim).filter(|argument| !argument.is_empty());
    for (i, argument) in arguments.enumerate() {
        let (place, value) = match argument.split_once('=') {
            None => (Some(i), argument),
            Some((name, value)) => {
                let name = name.trim();
                (row.settings.iter().position(|setting| setting.name == name), value.trim())
            }
        };
        let setting = place.and_then(|place| row.settings.get(place));
        let Some((place, setting)) = place.zip(setting) else {
            let accepted = row.settings.iter().map(|setting| setting.name).collect();
            let given = argument.split('=').next().unwrap_or(argument).trim().into();
            return Err(Error::Setting { kind, row: row.name, accepted, given });
        };
        values[place] = value.parse().map_err(|_| malformed())?;
        if !setting.accepted.contains(values[place]) {
            let (setting, accepted) = (setting.name, setting.accepted.words());
            let given = values[place];
            return Err(Error::SettingValue { kind, row: row.name, setting, accepted, given });
        }
    }
    Ok((index, values))
}

/// Write an entry: its name, and the settings that differ from their defaults.
pub fn write(f: &mut fmt::Formatter<'_>, row: &Entry, values: &[f64]) -> fmt::Result {
    f.write_str(row.name)?;
    let given = row.settings.iter().zip(values);
    let given = given.filter(|(setting, value)| setting.default != **value);
    let given: Vec<String> =
        given.map(|(setting, value)| format!("{}={}", setting.name, number(*value))).collect();
    if given.is_empty() { Ok(()) } else { write!(f, "({})", given.join(", ")) }
}

/// Write a table from its entries: the enum, whose variants hold their settings, and its lookups.
macro_rules! table {
    (
        $(#[$meta:meta])*
        pub enum $Table:ident: $kind:literal {
            $(
                $(#[doc = $doc:literal])*
                $Variant:ident = $name:literal
                $({ $($(#[doc = $about:literal])* $setting:ident: $range:ident = $default:expr),+ $(,)? })?;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub enum $Table {
            $($(#[doc = $doc])* $Variant $({ $($(#[doc = $about])* $setting: f64),+ })?,)*
        }

        impl $Table {
            /// The name of the table in errors.
            pub const KIND: &'static str = $kind;

            /// The names of the entries.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Names, settings, defaults and accepted numbers.
            pub const ENTRIES: &'static [$crate::tables::registry::Entry] = &[$($crate::tables::registry::Entry {
                name: $name,
                settings: &[$($($crate::tables::registry::Setting {
                    name: stringify!($setting),
                    default: $default,
                    accepted: $crate::tables::registry::Range::$range,
                }),+)?],
            }),*];

            /// Every entry, with default settings.
            pub const ALL: &'static [Self] =
                &[$(Self::$Variant $({ $($setting: $default),+ })?),*];

            /// Parse an entry such as `name`, `name(0.1)` or `name(setting=0.1)`.
            pub fn from_text(text: &str) -> Result<Self, $crate::error::Error> {
                let (index, values) =
                    $crate::tables::registry::parse(Self::KIND, text, Self::ENTRIES, Self::NAMES)?;
                let mut values = values.into_iter();
                let mut _next = || values.next().expect("a value for each setting");
                let mut row = 0..;
                $(if row.next() == Some(index) {
                    return Ok(Self::$Variant $({ $($setting: { let $setting = _next(); $setting }),+ })?);
                })*
                unreachable!("the row number is one of the table's")
            }

            /// Return the number of the entry in its table, and the values of its settings.
            fn parts(self) -> (usize, Vec<f64>) {
                let mut row = 0..;
                $({
                    let index = row.next().expect("rows are few");
                    if let Self::$Variant $({ $($setting),+ })? = self {
                        return (index, vec![$($($setting),+)?]);
                    }
                })*
                unreachable!("every variant has a row")
            }

            /// Return the name of this entry, without its settings.
            pub fn name(self) -> &'static str {
                Self::NAMES[self.parts().0]
            }
        }

        impl std::fmt::Display for $Table {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let (index, values) = self.parts();
                $crate::tables::registry::write(f, &Self::ENTRIES[index], &values)
            }
        }
    };
}
pub(crate) use table;

#[cfg(test)]
mod tests {
    table! {
        /// For these tests.
        pub enum Toy: "toy" {
            /// No settings.
            Plain = "plain";
            /// Two settings.
            Two = "two" {
                /// The slope.
                slope: NonNegative = 0.01,
                beta: Fraction = 0.9,
            };
        }
    }

    fn toy(text: &str) -> Toy {
        Toy::from_text(text).unwrap()
    }

    fn error(text: &str) -> String {
        Toy::from_text(text).unwrap_err().to_string()
    }

    #[test]
    fn a_row_reads_as_it_is_written() {
        assert_eq!(toy("plain"), Toy::Plain);
        assert_eq!(toy("two(0.5)"), Toy::Two { slope: 0.5, beta: 0.9 });
        assert_eq!(toy(" two( beta = 0.5 ) "), Toy::Two { slope: 0.01, beta: 0.5 });
        for text in ["plain", "two", "two(slope=0)", "two(slope=1e-8, beta=0.25)"] {
            assert_eq!(toy(text).to_string(), text);
        }
        assert_eq!(toy("two(0.01, 0.9)").to_string(), "two");
        assert_eq!(toy("two(2)").name(), "two");
        assert_eq!(Toy::ALL, [toy("plain"), toy("two")]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!(
            error("twos"),
            "toy must be one of plain, two; got 'twos' (did you mean 'two'?)"
        );
        assert_eq!(error("plain(1)"), "toy 'plain' has no settings; got '1'");
        assert_eq!(error("two(1, 0, 3)"), "toy 'two' has settings slope, beta; got '3'");
        assert_eq!(error("two(gamma=1)"), "toy 'two' has settings slope, beta; got 'gamma'");
        let malformed = "toy must be a name or a name with numbers such as name(0.1); got";
        assert_eq!(error("two(0.1"), format!("{malformed} 'two(0.1'"));
        assert_eq!(error("two(high)"), format!("{malformed} 'two(high)'"));
        let value = "beta of toy 'two' must be a number >= 0 and < 1; got";
        assert_eq!(error("two(beta=1)"), format!("{value} 1"));
        assert_eq!(error("two(beta=nan)"), format!("{value} NaN"));
    }
}
