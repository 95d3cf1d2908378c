//! The tables of the core as JSON, so that the page has no second list.

use backprop_rs::{Activation, Cost, Curve, Init, Rule};

use crate::text::{list, object, quoted};

/// The settings of a layer besides its activation, with the numbers that they accept.
const REGULARIZERS: [(&str, &str); 6] = [
    ("l1", "a number >= 0"),
    ("l2", "a number >= 0"),
    ("weight_decay", "a number >= 0"),
    ("max_norm", "a number >= 0"),
    ("dropout", "a number >= 0 and < 1"),
    ("layer_norm", "0 or 1"),
];

macro_rules! entries {
    ($Table:ty) => {
        list(<$Table>::ENTRIES.iter().map(|entry| {
            let settings = list(entry.settings.iter().map(|setting| {
                object([
                    ("name", quoted(setting.name)),
                    ("default", setting.default.to_string()),
                    ("accepted", quoted(setting.accepted.words())),
                ])
            }));
            object([("name", quoted(entry.name)), ("settings", settings)])
        }))
    };
}

/// Return all tables.
pub fn tables() -> String {
    // For each cost the output activations that go with it.
    let outputs = Cost::ALL.iter().zip(Cost::NAMES).map(|(cost, name)| {
        let accepted = Activation::ALL.iter().zip(Activation::NAMES);
        let accepted = accepted.filter(|(output, _)| cost.check_output(**output).is_ok());
        (*name, list(accepted.map(|(_, name)| quoted(name))))
    });
    let regularizers = REGULARIZERS
        .map(|(name, accepted)| object([("name", quoted(name)), ("accepted", quoted(accepted))]));
    object([
        ("activations", entries!(Activation)),
        ("costs", entries!(Cost)),
        ("initializers", entries!(Init)),
        ("optimizers", entries!(Rule)),
        ("schedules", entries!(Curve)),
        ("regularizers", list(regularizers)),
        ("outputs", object(outputs)),
    ])
}
