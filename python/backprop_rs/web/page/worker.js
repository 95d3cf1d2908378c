// The worker: it owns the core, trains, and keeps the states that one can go back to.

import { Core } from "./core.js";

const STATES = 400; // at most, and at most this many bytes
const STATE_BYTES = 64e6;

let core = null;
/** States in the order of their steps; `pinned` ones begin a plan; `edited`
    holds the parameters after a change by hand. */
let kept = [];
let spacing = 1; // steps between two states
let steps = 0;
let perEpoch = 1;
let plan = {};
let position = [0, 0];

function call(name, input, numbers) {
  return core.call(name, input, numbers);
}

/** Keep the state of this moment. */
function keep(pinned, edited = null) {
  const state = call("state").numbers;
  kept.push({ steps, state, plan, pinned, edited, position: [...position] });
  const most = Math.max(4, Math.min(STATES, STATE_BYTES / (state.length * 8)));
  if (kept.length <= most) return;
  spacing *= 2;
  kept = kept.filter((entry, i) => entry.pinned || entry.steps % spacing === 0 || i === kept.length - 1);
}

/** Forget the states after this moment: it goes on from here. */
function forget() {
  kept = kept.filter((entry) => entry.steps <= steps);
}

function usePlan(next, samples) {
  plan = { ...next, first_epoch: position[0] };
  call("set_plan", plan);
  position = [position[0], 0];
  perEpoch = Math.max(1, Math.ceil(samples / Math.min(plan.batch_size, samples)));
}

/** Train until the number of steps or the time is over. */
function train(count, milliseconds) {
  const end = performance.now() + milliseconds;
  let last = null;
  let costs = [];
  while (count > 0) {
    const next = Math.min(count, spacing - (steps % spacing));
    const left = end - performance.now();
    if (left <= 0 && last) break;
    last = call("train", { steps: next, milliseconds: Math.max(left, 0) }).numbers;
    const [epoch, step] = last;
    const done = (epoch - position[0]) * perEpoch + step - position[1];
    steps += done;
    count -= done;
    position = [epoch, step];
    costs = costs.concat(Array.from(last.slice(4)));
    if (done > 0 && steps % spacing === 0) keep(false);
    if (last[3] > 1 || done === 0) break;
  }
  return last ? { cost: last[2], reason: last[3], costs } : null;
}

/** Go to a step: to the state before it that was kept, and from there by training. */
function seek(target) {
  let at = kept.length - 1;
  while (at > 0 && kept[at].steps > target) at--;
  const from = kept[at];
  plan = from.plan;
  call("set_plan", plan);
  call("set_state", {}, from.state);
  [steps, position] = [from.steps, [...from.position]];
  if (target > steps) {
    const { numbers } = call("train", { steps: target - steps });
    position = [numbers[0], numbers[1]];
    steps = target;
  }
}

const JOBS = {
  call: ({ name, input, numbers }) => call(name, input, numbers),

  /** Build a network, from parameters if there are some. */
  build({ network, next, samples, parameters }) {
    call("build", network);
    if (parameters) call("set_parameters", {}, parameters);
    [kept, spacing, steps] = [[], 1, 0];
    position = [Number(network.epochs_trained || 0), 0];
    usePlan(next, samples);
    keep(true);
    return {};
  },

  plan({ next, samples }) {
    forget();
    usePlan(next, samples);
    keep(true);
    return {};
  },

  /** Take parameters that were changed by hand. */
  edit({ parameters, samples }) {
    forget();
    call("set_parameters", {}, parameters);
    usePlan(plan, samples);
    keep(true, parameters);
    return {};
  },

  seek({ target }) {
    seek(target);
    return {};
  },

  /** The plans and changes by hand up to now, for the program. */
  log() {
    const pinned = kept.filter((entry) => entry.pinned && entry.steps <= steps);
    return { steps, log: pinned.map(({ state, ...entry }) => entry) };
  },

  /** Train, and return what the page wants to draw. */
  frame({ count, milliseconds, want }) {
    const begun = performance.now();
    let trained = null;
    if (count > 0) {
      forget();
      trained = train(count, milliseconds);
    }
    const spent = performance.now() - begun;
    const answer = { trained, steps, position, perEpoch, last: kept[kept.length - 1].steps };
    for (const [name, [job, input]] of Object.entries(want)) answer[name] = call(job, input).numbers;
    answer.times = { train: spent, all: performance.now() - begun };
    return answer;
  },
};

onmessage = async ({ data }) => {
  const { id, job } = data;
  try {
    if (job === "start") {
      const clock = { now: () => performance.now() };
      const { instance } = await WebAssembly.instantiate(data.wasm, { page: clock });
      core = new Core(instance);
      postMessage({ id, answer: {} });
      return;
    }
    const answer = JOBS[job](data);
    postMessage({ id, answer });
  } catch (error) {
    postMessage({ id, error: error.message });
  }
};
