//! The core for a web page: plain exports over linear memory.
//!
//! The page writes a text and numbers to the buffers that [`text_in`] and [`numbers_in`] return,
//! calls a function, which returns 0, and reads the answer from [`text_out`] and [`numbers_out`].
//! A function that returns 1 has left one sentence for the reader as text. Every number is an
//! `f64`, which holds each `f32` exactly. The page itself does no arithmetic of networks.

mod check;
mod clock;
mod data;
mod network;
mod sha256;
mod table;
mod tables;
mod text;

use std::cell::RefCell;
use std::time::Duration;

use data::Dataset;
use network::{Page, Playground};
use table::Table;
use text::{Sentence, Settings};

/// All that the page works on.
#[derive(Default)]
struct Memory {
    text_in: Vec<u8>,
    numbers_in: Vec<f64>,
    text_out: Vec<u8>,
    numbers_out: Vec<f64>,
    table: Table,
    all: Dataset,
    training: Dataset,
    test: Dataset,
    network: Option<Box<dyn Page>>,
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// The answer of a call: text and numbers.
#[derive(Default)]
struct Answer {
    text: String,
    numbers: Vec<f64>,
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl From<Vec<f64>> for Answer {
    fn from(numbers: Vec<f64>) -> Self {
        Self { numbers, ..Self::default() }
    }
}

impl Memory {
    fn settings(&self) -> Result<Settings, Sentence> {
        Ok(Settings::parse(self.text()?))
    }

    fn text(&self) -> Result<&str, Sentence> {
        std::str::from_utf8(&self.text_in).map_err(|_| "the text is not UTF-8".into())
    }

    fn network(&mut self) -> Result<&mut Box<dyn Page>, Sentence> {
        self.network.as_mut().ok_or_else(|| "there is no network yet".into())
    }
}

/// Run a call; return 0, or 1 if there is an error.
fn answer<A: Into<Answer>>(call: impl FnOnce(&mut Memory) -> Result<A, Sentence>) -> u32 {
    MEMORY.with_borrow_mut(|memory| {
        let (answer, status) = match call(memory) {
            Ok(answer) => (answer.into(), 0),
            Err(sentence) => (Answer::from(sentence), 1),
        };
        memory.text_out = answer.text.into_bytes();
        memory.numbers_out = answer.numbers;
        status
    })
}

macro_rules! buffers {
    ($($(#[doc = $doc:literal])* $name:ident($($n:ident)?) -> $Result:ty = |$memory:ident| $body:expr;)*) => {
        $(
            $(#[doc = $doc])*
            // SAFETY: no other function of a page has this name.
            #[unsafe(no_mangle)]
            pub extern "C" fn $name($($n: usize)?) -> $Result {
                MEMORY.with_borrow_mut(|$memory| $body)
            }
        )*
    };
}

buffers! {
    /// Make room for the bytes of a text, and return their address.
    text_in(n) -> *mut u8 = |memory| {
        memory.text_in.clear();
        memory.text_in.resize(n, 0);
        memory.text_in.as_mut_ptr()
    };
    /// Make room for numbers, and return their address.
    numbers_in(n) -> *mut f64 = |memory| {
        memory.numbers_in.clear();
        memory.numbers_in.resize(n, 0.0);
        memory.numbers_in.as_mut_ptr()
    };
    /// Return the address of the text of the last answer.
    text_out() -> *const u8 = |memory| memory.text_out.as_ptr();
    /// Return the length of the text in bytes.
    text_length() -> usize = |memory| memory.text_out.len();
    /// Return the address of the numbers of the last answer.
    numbers_out() -> *const f64 = |memory| memory.numbers_out.as_ptr();
    /// Return how many numbers there are.
    numbers_length() -> usize = |memory| memory.numbers_out.len();
}

macro_rules! calls {
    ($($(#[doc = $doc:literal])* $name:ident = |$memory:ident| $body:expr;)*) => {
        $(
            $(#[doc = $doc])*
            // SAFETY: no other function of a page has this name.
            #[unsafe(no_mangle)]
            pub extern "C" fn $name() -> u32 {
                answer(|$memory| $body)
            }
        )*
    };
}

calls! {
    /// Start the clock.
    start = |_memory| {
        #[cfg(all(target_family = "wasm", target_os = "unknown"))]
        backprop_rs::set_clock(clock::seconds);
        Ok(())
    };
    /// Return the tables as JSON.
    describe_tables = |_memory| Ok(tables::tables());
    /// Return the SHA-256 of the text, as hexadecimal digits.
    checksum = |memory| Ok(sha256::hex(&memory.text_in));
    /// Take a toy set as the data.
    use_toy = |memory| {
        memory.all = data::toy(&memory.settings()?)?;
        Ok(())
    };
    /// Take the numbers as the data.
    use_arrays = |memory| {
        memory.all = data::arrays(&memory.settings()?, &memory.numbers_in)?;
        Ok(())
    };
    /// Read a file of comma-separated values, and return its columns as JSON.
    read_table = |memory| {
        memory.table = Table::read(&memory.text_in)?;
        Ok(memory.table.describe())
    };
    /// Prepare the table as the data, and return a description as JSON.
    use_table = |memory| {
        let (all, description) = memory.table.prepare(&memory.settings()?)?;
        memory.all = all;
        Ok(description)
    };
    /// Divide the data for training and test. Return inputs, classes and targets, and then the
    /// training samples and the test samples, each row inputs first.
    divide = |memory| {
        let settings = memory.settings()?;
        let share = settings.at_least("test_share", 0.0, 0.0)?.min(0.9);
        (memory.training, memory.test) = memory.all.divided(share, settings.number("seed", 0)?);
        let Dataset { n_in, classes, targets, .. } = memory.all;
        let counts = [n_in, classes, targets, memory.training.len(), memory.test.len()];
        let mut numbers: Vec<f64> = counts.map(|count| count as f64).to_vec();
        for part in [&memory.training, &memory.test] {
            for (x, y) in part.x.chunks(n_in).zip(part.y.chunks(targets)) {
                numbers.extend(x.iter().chain(y));
            }
        }
        Ok(numbers)
    };
    /// Build a network.
    build = |memory| {
        let text = memory.text()?;
        let mut network: Box<dyn Page> = match memory.settings()?.text("dtype") {
            "float64" => Box::new(Playground::<f64>::new(text)?),
            _ => Box::new(Playground::<f32>::new(text)?),
        };
        network.set_data(&memory.training, &memory.test)?;
        memory.network = Some(network);
        Ok(())
    };
    /// Train by these settings from now on, from the start of an epoch.
    set_plan = |memory| {
        let settings = memory.settings()?;
        memory.network()?.set_plan(&settings)
    };
    /// Return the parameters, layer by layer: weights, biases, gains and shifts.
    parameters = |memory| memory.network()?.parameters();
    /// Replace the parameters.
    set_parameters = |memory| {
        let numbers = std::mem::take(&mut memory.numbers_in);
        memory.network()?.set_parameters(&numbers)
    };
    /// Return the whole state of the training.
    state = |memory| memory.network()?.state();
    /// Go to a state.
    set_state = |memory| {
        let numbers = std::mem::take(&mut memory.numbers_in);
        memory.network()?.set_state(&numbers)
    };
    /// Train for `steps` steps, or `milliseconds`; see `Page::train`.
    train = |memory| {
        let settings = memory.settings()?;
        let steps = settings.number("steps", 1)?;
        let milliseconds = settings.at_least("milliseconds", f64::MAX, 0.0)?;
        let budget = Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or(Duration::MAX);
        memory.network()?.train(steps, budget)
    };
    /// Return cost, score and predictions; see `Page::evaluate`.
    evaluate = |memory| {
        let settings = memory.settings()?;
        memory.network()?.evaluate(&settings)
    };
    /// Return what neurons compute over two inputs; see `Page::grid`.
    grid = |memory| {
        let settings = memory.settings()?;
        memory.network()?.grid(&settings)
    };
    /// Return every quantity of a pass; see `Page::trace`.
    trace = |memory| {
        let settings = memory.settings()?;
        memory.network()?.trace(&settings)
    };
    /// Return the effect of a change of one parameter; see `Page::nudge`.
    nudge = |memory| {
        let settings = memory.settings()?;
        memory.network()?.nudge(&settings)
    };
    /// Return the health of the layers; see `Page::health`.
    health = |memory| memory.network()?.health();
    /// Compare the gradients with differences of the cost; see `check::Check`.
    check_gradients = |memory| {
        let settings = memory.settings()?;
        memory.network()?.check(&settings)
    };
}
