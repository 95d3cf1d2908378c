//! The updates of one step, if groups of parameters have factors of their own.
//!
//! A group is a kind of parameters in one layer: its factors multiply the learning rate and the
//! decay.

use crate::machine::real::Real;
use crate::network::layer::Options;
use crate::network::parameters::Part;
use crate::tables::optimizer::{Clock, Factors, Penalty, Rule, Update};

/// The factors of each kind of parameters, layer by layer.
pub type LayerFactors = [Factors; Part::ALL.len()];

/// The updates of one step: the same for all weights, or one for each group.
#[derive(Clone)]
pub struct Updates<T> {
    pub all: Update<T>,
    /// Those of each kind of parameters, layer by layer; empty without factors.
    pub groups: Vec<[Update<T>; Part::ALL.len()]>,
}

impl<T: Real> Updates<T> {
    /// Add the updates of all groups, into memory that may be used again.
    pub fn with_groups(
        mut self,
        rule: Rule,
        clock: &Clock,
        rate: f64,
        (layers, decay): (&[LayerFactors], f64),
        mut groups: Vec<[Update<T>; Part::ALL.len()]>,
    ) -> Self {
        groups.clear();
        let of_group = |factors: Factors| {
            let factors = Factors { decay: factors.decay * decay, ..factors };
            let mut update = rule.of_group(clock, rate, factors);
            update.clip = self.all.clip;
            update
        };
        groups.extend(layers.iter().map(|layer| layer.map(of_group)));
        self.groups = groups;
        self
    }

    /// Return the update of a kind of parameters in layer `l` (from 0).
    #[inline(always)]
    pub fn of(&self, part: Part, l: usize) -> &Update<T> {
        self.groups.get(l).map_or(&self.all, |parts| &parts[part as usize])
    }

    /// Return the penalties of a kind of parameters: on weights alone, except for the decay of
    /// groups.
    #[inline(always)]
    pub fn penalty(&self, part: Part, options: &Options) -> Option<Penalty> {
        match part {
            Part::Weights => Some(options.penalty),
            _ if self.groups.is_empty() => None,
            _ => Some(Penalty { l1: 0.0, l2: 0.0, ..options.penalty }),
        }
    }

    /// Set the factor of the penalties.
    pub fn set_scale(&mut self, scale: T) {
        self.all.scale = scale;
        self.groups.iter_mut().flatten().for_each(|update| update.scale = scale);
    }
}
