//! A network of either number type, and its construction.

use numpy::Element;

use crate::error::Error;
use crate::machine::real::Real;
use crate::network::network::Network;
use crate::network::state::Snapshot;
use crate::python::custom::CustomFunction;
use crate::tables::activation::Activation;
use crate::tables::cost::Cost;

/// A network of either number type.
pub enum AnyNetwork {
    Single(Network<f32>),
    Double(Network<f64>),
}

/// Run `$body` with `$net` for either number type.
macro_rules! with {
    ($either:expr, $net:ident => $body:expr) => {
        match $either {
            $crate::python::any_network::AnyNetwork::Single($net) => $body,
            $crate::python::any_network::AnyNetwork::Double($net) => $body,
        }
    };
}
pub(crate) use with;

/// A snapshot of either number type.
pub enum AnySnapshot {
    Single(Snapshot<f32>),
    Double(Snapshot<f64>),
}

/// The cost of a network with a custom cost.
pub const PLAIN_COST: Cost = Cost::SquaredError { scale: 1.0 };

/// Create a network from entries of the tables and custom functions.
pub fn new_network<T: Element + Real>(
    sizes: &[usize],
    activations: &[Activation],
    own: Vec<Option<CustomFunction>>,
    cost: Cost,
    custom_cost: Option<CustomFunction>,
) -> Result<Network<T>, Error> {
    // The cost has to support the name of a custom output, which is set below.
    let custom_output = own.last().is_some_and(Option::is_some);
    let first = if custom_output { PLAIN_COST } else { cost };
    let mut net = Network::new(sizes, activations, first)?;
    net.cost = cost;
    if let Some(custom_cost) = custom_cost {
        net.use_cost(Box::new(custom_cost));
    }
    for (l, own) in own.into_iter().enumerate() {
        if let Some(own) = own {
            net.use_activation(l, Box::new(own))?;
        }
    }
    Ok(net)
}
