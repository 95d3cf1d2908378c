"""The coefficients of q in ``src/real.rs``: expm1(r) = r + r² q(r) for |r| ≤ ln 2 / 2.

A least-squares fit at the Chebyshev points whose weights grow where the error is large (Lawson's
algorithm), so that it comes near the fit whose largest error, relative to expm1, is least. The
constant coefficient is 1/2; the others are rounded to the type one by one, the lowest power first,
and those that are left are fitted anew. ``python benches/coefficients.py`` prints them, the highest
power first, and the largest error of the fit before and after rounding.
"""

import numpy as np
from mpmath import cos, expm1, log, lu_solve, matrix, mp, mpf, nstr, pi

mp.dps = 50
LIMIT = log(2) / 2 * mpf("1.001")  # a little more than needed: x ln 2 is rounded when reduced
N_POINTS = 200
ROUNDS = 8


def point(k):
    """(r, the wanted q, the weight that makes an error of q one relative to expm1)."""
    r = LIMIT * cos(pi * (2 * k + 1) / (2 * N_POINTS))
    return r, (expm1(r) - r) / r**2, abs(r**2 / expm1(r))


POINTS = [point(k) for k in range(N_POINTS)]


def errors(coefficients):
    """Relative to expm1, at each point."""
    values = (sum(c * r**j for j, c in enumerate(coefficients)) for r, _, _ in POINTS)
    return [abs(weight * (v - q)) for v, (_, q, weight) in zip(values, POINTS, strict=True)]


def solve(known, degree, emphasis):
    """The fit with so much weight on each point, its lowest coefficients known."""
    first, size = len(known), degree + 1 - len(known)
    left, right = matrix(size, size), matrix(size, 1)
    for (r, q, weight), more in zip(POINTS, emphasis, strict=True):
        square = weight**2 * more
        powers = [r ** (first + j) for j in range(size)]
        wanted = q - sum(c * r**j for j, c in enumerate(known))
        for i in range(size):
            right[i] += square * wanted * powers[i]
            for j in range(size):
                left[i, j] += square * powers[i] * powers[j]
    return [*known, *lu_solve(left, right)]


def fit(known, degree):
    """The best of some rounds, its lowest coefficients known."""
    emphasis, fits = [mpf(1)] * N_POINTS, []
    for _ in range(ROUNDS):
        coefficients = solve(known, degree, emphasis)
        error = errors(coefficients)
        largest = max(error)
        fits.append((largest, coefficients))
        emphasis = [
            e * (2 * err / largest + mpf("0.3")) for e, err in zip(emphasis, error, strict=True)
        ]
        mean = sum(emphasis) / N_POINTS
        emphasis = [e / mean for e in emphasis]
    return min(fits)[1]


def rounded(degree, dtype):
    """The fit in numbers of a type."""
    known = [mpf("0.5")]
    while len(known) <= degree:
        known.append(mpf(float(dtype(float(fit(known, degree)[len(known)])))))
    return known


def main():
    for degree, dtype in ((5, np.float32), (10, np.float64)):
        fits = {"before": fit([], degree), "after": rounded(degree, dtype)}
        print(np.dtype(dtype).name)
        for coefficient in reversed(fits["after"]):
            print(f"    {dtype(float(coefficient))!s}")
        for when, coefficients in fits.items():
            error = nstr(log(max(errors(coefficients)), 2), 4)
            print(f"    relative error 2^{error} {when} rounding")


if __name__ == "__main__":
    main()
