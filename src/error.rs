//! Errors in a network's settings: what was expected, what was given.
//!
//! `_internal/error.py` builds the same sentences; a test compares the two.

use std::fmt;

/// An invalid setting. `Display` gives one sentence.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// A name that is not in the table of its kind.
    UnknownName { kind: &'static str, given: String, names: &'static [&'static str] },
    /// Fewer than two layers of neurons, or a layer without neurons.
    Sizes { given: Vec<usize> },
    /// The number of activations differs from the number of layers.
    ActivationCount { expected: usize, given: usize },
    /// Softmax mixes the neurons of a layer; hidden layers must be elementwise.
    SoftmaxHidden { layer: usize },
    /// A single probability that sums to one is always one.
    SoftmaxOfOne,
    /// The cost needs the activation of the output layer as it is.
    ParametricOutput,
    /// A single neuron always equals its mean.
    NormOfOne { layer: usize },
    /// A cost whose output δ is defined only for some output activations.
    CostOutput { cost: &'static str, accepted: &'static [&'static str], output: String },
    /// An entry of a table that cannot be parsed.
    Malformed { kind: &'static str, given: String },
    /// A setting that an entry does not have.
    Setting { kind: &'static str, row: &'static str, accepted: Vec<&'static str>, given: String },
    /// A number that a setting does not accept.
    SettingValue {
        kind: &'static str,
        row: &'static str,
        setting: &'static str,
        accepted: &'static str,
        given: f64,
    },
    /// A part that is missing in a state, or has another shape.
    State { name: String },
    /// A curve without an end before another.
    EndlessSchedule { given: String },
    /// More than one reactive curve.
    ReactiveCurves { given: String },
    /// An array whose shape does not fit the network.
    Shape { what: &'static str, expected: Vec<usize>, given: Vec<usize> },
    /// Memory that the system refuses.
    Memory { bytes: usize },
    /// More rows than a shuffled order can index.
    TooManyRows { given: usize },
    /// An invalid class label after the check of the labels: other code has changed them.
    Label { classes: usize, given: i64 },
    /// Orders of too few rows, or with invalid rows.
    Orders { rows: usize },
    /// Edges of bins that do not grow in the number type of the network.
    Edges,
    /// Numbers of a periodic embedding that it does not accept.
    Frequencies,
    /// The embedding of an input that does not exist.
    Embedded { input: usize, n_in: usize },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName { kind, given, names } => {
                write!(f, "{kind} must be one of {}; got '{given}'", names.join(", "))?;
                match suggestion(kind, given, names) {
                    Some(name) => write!(f, " (did you mean '{name}'?)"),
                    None => Ok(()),
                }
            }
            Self::Sizes { given } => {
                write!(f, "sizes must be at least two positive integers; got {given:?}")
            }
            Self::ActivationCount { expected, given } => {
                write!(f, "activations must be one per layer ({expected}); got {given} names")
            }
            Self::SoftmaxHidden { layer } => write!(
                f,
                "softmax can only be the output activation; got it for hidden layer {layer}"
            ),
            Self::SoftmaxOfOne => write!(f, "softmax needs at least 2 output neurons; got 1"),
            Self::ParametricOutput => {
                write!(f, "parametric must be for hidden layers; got it for the output layer")
            }
            Self::NormOfOne { layer } => {
                write!(
                    f,
                    "layer_norm must be for layers of 2 neurons or more; got 1 in layer {layer}"
                )
            }
            Self::CostOutput { cost, accepted, output } => write!(
                f,
                "cost '{cost}' requires output {}; got output '{output}'",
                accepted.join(" or ")
            ),
            Self::Malformed { kind, given } => write!(
                f,
                "{kind} must be a name or a name with numbers such as name(0.1); got '{given}'"
            ),
            Self::Setting { kind, row, accepted, given } if accepted.is_empty() => {
                write!(f, "{kind} '{row}' has no settings; got '{given}'")
            }
            Self::Setting { kind, row, accepted, given } => {
                write!(f, "{kind} '{row}' has settings {}; got '{given}'", accepted.join(", "))
            }
            Self::SettingValue { kind, row, setting, accepted, given } => {
                let given = number(*given);
                write!(f, "{setting} of {kind} '{row}' must be {accepted}; got {given}")
            }
            Self::State { name } => {
                write!(
                    f,
                    "state does not fit this network and optimizer: '{name}' is missing or has another shape"
                )
            }
            Self::EndlessSchedule { given } => {
                write!(f, "schedule '{given}' needs a length before 'then'; got none")
            }
            Self::ReactiveCurves { given } => {
                write!(f, "schedule must have at most one reactive curve; got '{given}'")
            }
            Self::Shape { what, expected, given } => {
                write!(f, "{what} must have shape {}; got {}", shape(expected), shape(given))
            }
            Self::Memory { bytes } => write!(f, "there is no memory for another {}", size(*bytes)),
            Self::TooManyRows { given } => {
                write!(f, "X must have fewer than {} rows; got {given}", u32::MAX)
            }
            Self::Label { classes, given } => write!(
                f,
                "y must hold class labels from 0 to {} until the call returns; got {given}",
                classes.saturating_sub(1)
            ),
            Self::Embedded { input, n_in } => {
                write!(f, "embeddings must be of inputs 0 to {}; got {input}", n_in - 1)
            }
            Self::Frequencies => write!(
                f,
                "a periodic embedding must have frequencies, outputs and a deviation; got others"
            ),
            Self::Edges => {
                write!(f, "edges must be two or more growing, finite numbers; got others")
            }
            Self::Orders { rows } => write!(
                f,
                "orders must hold rows from 0 to {} for every epoch; got others, or too few",
                rows.saturating_sub(1)
            ),
        }
    }
}

impl std::error::Error for Error {}

/// Check that an array has the expected shape.
pub fn check_shape(what: &'static str, expected: &[usize], given: &[usize]) -> Result<(), Error> {
    if expected == given {
        return Ok(());
    }
    Err(Error::Shape { what, expected: expected.to_vec(), given: given.to_vec() })
}

/// Return the shortest digits that read back as the same number: `0.1`, `2`, `1e-8`.
pub fn number(value: f64) -> String {
    let digits = format!("{value:?}");
    digits.strip_suffix(".0").map(str::to_owned).unwrap_or(digits)
}

/// Format a number of bytes.
fn size(bytes: usize) -> String {
    const UNITS: [(&str, u64); 3] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20)];
    match UNITS.iter().find(|(_, unit)| bytes as u64 >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} bytes"),
    }
}

/// Format a shape as NumPy does: `(3,)`, `(3, 2)`.
fn shape(sizes: &[usize]) -> String {
    match sizes {
        [n] => format!("({n},)"),
        _ => {
            let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
            format!("({})", sizes.join(", "))
        }
    }
}

/// Names of other libraries for the entries of the tables, in lower case without separators.
const ALIASES: &[(&str, &[(&str, &str)])] = &[
    (
        "activation",
        &[
            ("exp", "exponential"),
            ("leakyrectifier", "leaky_relu"),
            ("linear", "identity"),
            ("logistic", "sigmoid"),
            ("lrelu", "leaky_relu"),
            ("none", "identity"),
            ("rectifier", "relu"),
            ("sin", "sine"),
            ("swish", "silu"),
        ],
    ),
    (
        "cost",
        &[
            ("bce", "cross_entropy"),
            ("bceloss", "cross_entropy"),
            ("bcewithlogits", "cross_entropy"),
            ("bcewithlogitsloss", "cross_entropy"),
            ("binarycrossentropy", "cross_entropy"),
            ("categoricalcrossentropy", "cross_entropy"),
            ("crossentropyloss", "cross_entropy"),
            ("focalloss", "focal"),
            ("halfmse", "half_squared_error"),
            ("hingeloss", "hinge"),
            ("huberloss", "huber"),
            ("l1", "absolute_error"),
            ("l1loss", "absolute_error"),
            ("l2", "squared_error"),
            ("logloss", "cross_entropy"),
            ("mae", "absolute_error"),
            ("meanabsoluteerror", "absolute_error"),
            ("mse", "mean_squared_error"),
            ("mseloss", "mean_squared_error"),
            ("negativeloglikelihood", "cross_entropy"),
            ("nll", "cross_entropy"),
            ("nllloss", "cross_entropy"),
            ("pinball", "quantile"),
            ("poissonnllloss", "poisson"),
            ("quadratic", "half_squared_error"),
            ("smoothl1", "huber"),
            ("smoothl1loss", "huber"),
            ("softmaxcrossentropy", "cross_entropy"),
            ("sparsecategoricalcrossentropy", "cross_entropy"),
            ("sse", "squared_error"),
        ],
    ),
    (
        "init",
        &[
            ("gaussian", "normal"),
            ("glorot", "glorot_uniform"),
            ("he", "he_normal"),
            ("kaiming", "he_normal"),
            ("kaimingnormal", "he_normal"),
            ("kaiminguniform", "he_uniform"),
            ("lecun", "lecun_normal"),
            ("random", "normal"),
            ("torch", "pytorch"),
            ("xavier", "glorot_uniform"),
            ("xaviernormal", "glorot_normal"),
            ("xavieruniform", "glorot_uniform"),
        ],
    ),
    (
        "optimizer",
        &[
            ("gd", "sgd"),
            ("gradientdescent", "sgd"),
            ("momentum", "sgd"),
            ("nesterov", "sgd"),
            ("stochasticgradientdescent", "sgd"),
        ],
    ),
    (
        "schedule",
        &[
            ("cosineannealing", "cosine"),
            ("cosineannealinglr", "cosine"),
            ("cosineannealingwarmrestarts", "cosine_restarts"),
            ("cosinedecay", "cosine"),
            ("exponentialdecay", "exponential"),
            ("exponentiallr", "exponential"),
            ("invscaling", "inverse_scaling"),
            ("linear", "polynomial"),
            ("none", "constant"),
            ("onecyclelr", "one_cycle"),
            ("reducelronplateau", "reduce_on_plateau"),
            ("steplr", "step"),
        ],
    ),
];

/// Return the name that `given` most likely stands for: the name in another library, another
/// spelling, or the nearest name.
fn suggestion(kind: &str, given: &str, names: &[&'static str]) -> Option<&'static str> {
    let key = key(given);
    let aliases = ALIASES.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, rows)| rows);
    let alias = aliases.iter().find(|(alias, _)| *alias == key).map(|(_, name)| *name);
    let spelled = names.iter().copied().find(|name| self::key(name) == key);
    let alias = alias.filter(|alias| names.contains(alias));
    spelled.or(alias).or_else(|| nearest(given, names))
}

/// Return a name in lower case without separators.
fn key(name: &str) -> String {
    name.to_lowercase().replace(['_', '-', ' ', '.'], "")
}

/// Return the name at the smallest edit distance from `given`, if that is at most 2.
fn nearest(given: &str, names: &[&'static str]) -> Option<&'static str> {
    let near = names.iter().map(|name| (distance(given, name), *name));
    near.min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 2)
        .map(|(_, name)| name)
}

/// Return the Levenshtein distance, one row of its table at a time.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let substituted = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_up_to_two_edits() {
        let error = |given: &str| Error::UnknownName {
            kind: "activation",
            given: given.into(),
            names: &["sigmoid", "tanh"],
        };
        assert_eq!(
            error("sigmod").to_string(),
            "activation must be one of sigmoid, tanh; got 'sigmod' (did you mean 'sigmoid'?)"
        );
        assert_eq!(
            error("softplus").to_string(),
            "activation must be one of sigmoid, tanh; got 'softplus'"
        );
    }

    #[test]
    fn names_of_other_libraries_are_known() {
        let meant = |kind: &str, given: &str| {
            let names = match kind {
                "activation" => crate::Activation::NAMES,
                "cost" => crate::Cost::NAMES,
                "optimizer" => crate::Rule::NAMES,
                "init" => crate::Init::NAMES,
                _ => crate::tables::schedule::Curve::NAMES,
            };
            super::suggestion(kind, given, names)
        };
        assert_eq!(meant("activation", "swish"), Some("silu"));
        assert_eq!(meant("activation", "ReLU"), Some("relu"));
        assert_eq!(meant("cost", "Log-Loss"), Some("cross_entropy"));
        assert_eq!(meant("optimizer", "Adam"), Some("adam"));
        assert_eq!(meant("toy", "swish"), None);
        for (kind, rows) in ALIASES {
            for (alias, name) in *rows {
                assert_eq!(meant(kind, alias), Some(*name), "{alias}");
                assert_eq!(key(alias), *alias);
            }
        }
    }

    #[test]
    fn distance_counts_edits() {
        for (a, b, d) in [("", "abc", 3), ("kitten", "sitting", 3), ("tanh", "tanh", 0)] {
            assert_eq!(distance(a, b), d);
            assert_eq!(distance(b, a), d);
        }
    }

    #[test]
    fn sizes_of_memory_have_a_unit() {
        let sentence = |bytes| Error::Memory { bytes }.to_string();
        assert_eq!(sentence(12), "there is no memory for another 12 bytes");
        assert_eq!(sentence(3 << 29), "there is no memory for another 1.5 GiB");
    }

    #[test]
    fn shapes_are_printed_as_numpy_does() {
        let error =
            Error::Shape { what: "weights of layer 1", expected: vec![3, 2], given: vec![3] };
        assert_eq!(error.to_string(), "weights of layer 1 must have shape (3, 2); got (3,)");
    }
}
