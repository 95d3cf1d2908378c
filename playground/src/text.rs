//! Texts from and to the page: settings as lines, answers as JSON.

use std::collections::HashMap;
use std::fmt::Write;

/// The error of a call: one sentence for the page.
pub type Sentence = String;

/// Settings, one a line: a name, a tab and the value.
pub struct Settings(HashMap<String, String>);

impl Settings {
    pub fn parse(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once('\t'));
        Self(pairs.map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// Return the value of a setting, empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Return a number, or the default if the value is empty.
    pub fn number<N: std::str::FromStr>(&self, name: &str, default: N) -> Result<N, Sentence> {
        match self.text(name).trim() {
            "" => Ok(default),
            text => text.parse().map_err(|_| format!("{name} must be a number; got '{text}'")),
        }
    }

    /// Return a number that is not below `least`.
    pub fn at_least(&self, name: &str, default: f64, least: f64) -> Result<f64, Sentence> {
        let value: f64 = self.number(name, default)?;
        if value.is_finite() && value >= least {
            return Ok(value);
        }
        Err(format!("{name} must be a finite number >= {least}; got {value}"))
    }

    pub fn flag(&self, name: &str) -> bool {
        matches!(self.text(name), "1" | "true")
    }

    /// Return the parts of a list, which semicolons separate; empty if there is none.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let text = self.text(name);
        if text.is_empty() { Vec::new() } else { text.split(';').map(str::trim).collect() }
    }
}

/// Return a text as JSON.
pub fn quoted(text: &str) -> String {
    let mut json = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            letter if (letter as u32) < 0x20 => {
                write!(json, "\\u{:04x}", letter as u32).expect("a string takes all");
            }
            letter => json.push(letter),
        }
    }
    json.push('"');
    json
}

/// Return values that are JSON as a list.
pub fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

/// Return names and values that are JSON as an object.
pub fn object<'a>(items: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let items = items.into_iter().map(|(name, value)| format!("{}:{value}", quoted(name)));
    format!("{{{}}}", items.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_lines() {
        let settings = Settings::parse("a\t1.5\nb\tx;y ; z\nc\t1\n");
        assert_eq!(settings.number("a", 0.0), Ok(1.5));
        assert_eq!(settings.number("d", 7), Ok(7));
        assert_eq!(settings.list("b"), ["x", "y", "z"]);
        assert!(settings.flag("c") && !settings.flag("a") && settings.list("d").is_empty());
        assert_eq!(settings.number("b", 0), Err("b must be a number; got 'x;y ; z'".into()));
        let error = settings.at_least("a", 0.0, 2.0).unwrap_err();
        assert_eq!(error, "a must be a finite number >= 2; got 1.5");
    }

    #[test]
    fn texts_are_json() {
        assert_eq!(quoted("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
        assert_eq!(object([("k", list(["1".into(), quoted("x")]))]), "{\"k\":[1,\"x\"]}");
    }
}
