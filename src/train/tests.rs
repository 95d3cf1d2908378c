use std::sync::atomic::AtomicUsize;
use std::thread::sleep;

use super::*;
use crate::Activation;
use crate::cost::Cost;

const SIZE: usize = 512;
const ROWS: usize = 900;

/// So large that an update has several pieces on each of two threads.
fn network() -> Network<f32> {
    let cost = Cost::from_text("squared_error").unwrap();
    let mut net = Network::new(&[SIZE, SIZE], &[Activation::Tanh], cost).unwrap();
    net.initialize("auto", 0).unwrap();
    net
}

/// Trains for one step, and asks whether to go on: the answers, in order, then no more.
fn step(net: &mut Network<f32>, samples: &Samples<f32>, answers: &[bool]) -> Outcome {
    let asked = AtomicUsize::new(0);
    let interrupted = || {
        sleep(ASK_EVERY + Duration::from_millis(5)); // so that the next question is due
        answers.get(asked.fetch_add(1, Relaxed)).copied().unwrap_or(false)
    };
    let settings = Settings { interrupted: Some(&interrupted), ..Settings::new(ROWS, 0.1) };
    let mut ws = Workspace::training(&net.layers, ROWS, 2, false);
    ws.undo = Some(Undo::new(&net.layers, &net.optimizer.moments));
    let mut run = Run::new(net, samples, &settings, ws, None);
    run.started = Instant::now() - ASK_EVERY;
    let outcome = Mutex::new(None);
    pool::run(2, |worker| {
        let (result, _) = run.epochs(&worker, Position::default());
        *outcome.lock().unwrap() = Some(result);
    });
    outcome.into_inner().unwrap().unwrap()
}

#[test]
fn an_update_that_is_given_up_halfway_was_never_begun() {
    let x: Vec<f32> = (0..ROWS * SIZE).map(|i| (i * 37 % 101) as f32 / 101.0 - 0.5).collect();
    let samples = Samples { x: &x, y: Targets::Values(&x), weights: None, n_in: SIZE };
    let (mut net, before, mut whole) = (network(), network().weights(), network());
    // A question comes before each block of rows, the next between two pieces of the update.
    let blocks = (ROWS / 2).div_ceil(ROW_BLOCK);
    let mut answers = vec![false; blocks];
    answers.push(true);
    let outcome = step(&mut net, &samples, &answers);
    assert_eq!((outcome.reason, outcome.end), (Reason::Interrupted, Position::default()));
    assert!(net.weights() == before);
    assert_eq!(step(&mut net, &samples, &[]).reason, Reason::Done);
    whole.train(&samples, &Settings::new(ROWS, 0.1), Position::default());
    assert!(net.weights() == whole.weights() && net.weights() != before);
}
