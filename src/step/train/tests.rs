use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::sleep;

use super::*;
use crate::network::network::ROW_BLOCK;
use crate::network::samples::Targets;
use crate::step::gradient::GradientSink;
use crate::step::run::ASK_EVERY;
use crate::tables::activation::Activation;
use crate::tables::cost::Cost;

const SIZE: usize = 512;
const ROWS: usize = 900;

/// So large that an update has several pieces on each of two threads.
fn network() -> Network<f32> {
    let cost = Cost::from_text("squared_error").unwrap();
    let mut net = Network::new(&[SIZE, SIZE], &[Activation::Tanh], cost).unwrap();
    net.initialize("auto", 0).unwrap();
    net
}

/// Return a network after one step that is interrupted at question `yes`, and the number of
/// questions.
///
/// Another test may use the threads, and a single thread asks other questions: then try again.
fn step(samples: &Samples<f32>, yes: usize) -> (Network<f32>, Outcome, usize) {
    loop {
        let mut net = network();
        if let Some((outcome, questions)) = step_of_two(&mut net, samples, yes) {
            return (net, outcome, questions);
        }
        sleep(ASK_EVERY);
    }
}

/// The same on two threads, if two are available.
fn step_of_two(
    net: &mut Network<f32>,
    samples: &Samples<f32>,
    yes: usize,
) -> Option<(Outcome, usize)> {
    let asked = AtomicUsize::new(0);
    let interrupted = || {
        sleep(ASK_EVERY + Duration::from_millis(5)); // so that the next question is due
        asked.fetch_add(1, Relaxed) == yes
    };
    let rows = samples.len();
    let settings = Settings { interrupted: Some(&interrupted), ..Settings::new(rows, 0.1) };
    let ws = Workspace::training(&net.layers, rows, 2, false).unwrap();
    let chunks = rows.div_ceil(CHUNK);
    let sums = (chunks > 1).then(|| GradientTree::new(&net.layers, chunks).unwrap());
    let saved = || SavedParameters::new(&net.layers, &net.optimizer.moments).unwrap();
    let rollback = sums.is_none().then(|| Rollback { saved: saved() });
    let norms = ParameterNorms::new(&net.layers).unwrap();
    let mut run = Run::new(net, samples, &settings, ws, norms, sums);
    run.rollback = rollback;
    run.started = Instant::now() - ASK_EVERY;
    let outcome = Mutex::new(None);
    pool::run(2, |worker| {
        if worker.count == 2 {
            let (result, _) = run.epochs(&worker, Position::default());
            *outcome.lock().unwrap() = Some(result);
        }
    });
    Some((outcome.into_inner().unwrap()?, asked.into_inner()))
}

/// With one chunk, whose update is rolled back, and with two, whose gradient is incomplete; at the
/// first question after the passes of the first chunk, and at the last question.
#[test]
fn an_interrupted_update_changes_nothing() {
    for rows in [ROWS, CHUNK + ROWS] {
        let x: Vec<f32> = (0..rows * SIZE).map(|i| (i * 37 % 101) as f32 / 101.0 - 0.5).collect();
        let samples = Samples { x: &x, y: Targets::Values(&x), weights: None, n_in: SIZE };
        let mut whole = network();
        let before = whole.weights().unwrap();
        let (net, outcome, questions) = step(&samples, usize::MAX);
        assert_eq!(outcome.reason, Reason::Done);
        whole.train(&samples, &Settings::new(rows, 0.1), Position::default()).unwrap();
        let after = net.weights().unwrap();
        assert!(after == whole.weights().unwrap() && after != before);
        // There is a question before each block of rows, and between two pieces of the gradient.
        let blocks = (rows.min(CHUNK) / 2).div_ceil(ROW_BLOCK);
        for yes in [blocks, questions - 1] {
            let (net, outcome, _) = step(&samples, yes);
            assert_eq!((outcome.reason, outcome.end), (Reason::Interrupted, Position::default()));
            assert!(net.weights().unwrap() == before);
        }
    }
}

/// A short update is not interrupted, so it copies nothing. The test does not ask for an
/// interruption: whether the question before the update is due depends on the load of the machine.
#[test]
fn a_long_update_keeps_what_it_replaces() {
    for (size, rows, long) in [(SIZE, 4, false), (2300, 1000, true)] {
        let cost = Cost::from_text("squared_error").unwrap();
        let activations = [Activation::Tanh; 3];
        let mut net = Network::<f32>::new(&[size; 4], &activations, cost).unwrap();
        let x = vec![0.5; rows * size];
        let samples = Samples { x: &x, y: Targets::Values(&x), weights: None, n_in: size };
        let interrupted = || long;
        let settings = Settings { interrupted: Some(&interrupted), ..Settings::new(rows, 0.1) };
        let outcome = net.train(&samples, &settings, Position::default()).unwrap();
        assert_eq!(outcome.reason, if long { Reason::Interrupted } else { Reason::Done });
        assert_eq!(net.saved.is_some(), long);
        assert_eq!(net.biases().unwrap().iter().flatten().all(|b| *b == 0.0), long);
    }
}

/// A worker may read whether the passes were interrupted only after another one has begun the
/// update, so that an interruption of the update must not change that answer.
#[test]
fn an_interruption_of_the_update_does_not_change_the_answer_of_the_passes() {
    let net = network();
    let x = vec![0.5; ROWS * SIZE];
    let samples = Samples { x: &x, y: Targets::Values(&x), weights: None, n_in: SIZE };
    let interrupted = || true;
    let settings = Settings { interrupted: Some(&interrupted), ..Settings::new(ROWS, 0.1) };
    let ws = Workspace::training(&net.layers, ROWS, 1, false).unwrap();
    let sums = GradientTree::new(&net.layers, 1).unwrap();
    let norms = ParameterNorms::new(&net.layers).unwrap();
    let mut run = Run::new(&net, &samples, &settings, ws, norms, Some(sums));
    run.started = Instant::now() - ASK_EVERY;
    pool::run(1, |worker| {
        let tiles = net.plan(&worker, ROWS, false).tiles;
        let sink = GradientSink::Store(&run.sums.as_ref().unwrap().total);
        let done = run.compute_gradient_in_pieces(&worker, ROWS, 1.0, &tiles, sink);
        assert!(done < tiles.len());
    });
    assert!(run.update_interrupted.load(Relaxed) && !run.pass_interrupted.load(Relaxed));
}
