// Five lessons: each is a link that puts the page into its first state.

export const LESSONS = {
  neuron: "set=gaussians&samples=200&hidden=&rate=0.3&numbers=1&speed=10",
  layers: "set=xor&samples=300&hidden=&rate=0.3&speed=epoch",
  delta: "set=circles&samples=100&hidden=3,2&rate=0.3&numbers=1&speed=1",
  rate: "set=plane&samples=200&hidden=&rate=0.1&batch=1000&speed=10",
  vanishing: "set=circles&samples=300&hidden=5,5,5,5,5,5&activations=sigmoid&rate=0.5&speed=epoch",
};
