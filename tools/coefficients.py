"""Compute the coefficients of the elementary functions in ``src/machine/real.rs``.

q in expm1(r) = r + r² q(r) for |r| ≤ ln 2 / 2:

A least-squares fit at the Chebyshev points whose weights grow where the error is large (Lawson's
algorithm), so that it approaches the fit whose largest error, relative to expm1, is least. The
constant coefficient is 1/2; the others are rounded to the type one by one, the lowest power first,
and the rest are fitted again. ``python tools/coefficients.py`` prints them, the highest
power first, and the largest error of the fit before and after rounding.
"""

import numpy as np
from mpmath import (
    chebyfit,
    cos,
    erfc,
    exp,
    expm1,
    log,
    lu_solve,
    matrix,
    mp,
    mpf,
    nstr,
    pi,
    sin,
    sqrt,
)

mp.dps = 50
LIMIT = log(2) / 2 * mpf("1.001")  # a little more than needed: x ln 2 is rounded when reduced
N_POINTS = 200
ROUNDS = 8


def point(k):
    """Return r, the exact q, and the weight that makes an error of q relative to expm1."""
    r = LIMIT * cos(pi * (2 * k + 1) / (2 * N_POINTS))
    return r, (expm1(r) - r) / r**2, abs(r**2 / expm1(r))


POINTS = [point(k) for k in range(N_POINTS)]


def errors(coefficients):
    """Return the errors relative to expm1, at each point."""
    values = (sum(c * r**j for j, c in enumerate(coefficients)) for r, _, _ in POINTS)
    return [abs(weight * (v - q)) for v, (_, q, weight) in zip(values, POINTS, strict=True)]


def solve(known, degree, emphasis):
    """Return the fit with given weights of the points and known lowest coefficients."""
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
    """Return the best fit of several rounds with known lowest coefficients."""
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
    """Return the fit in numbers of a type."""
    known = [mpf("0.5")]
    while len(known) <= degree:
        known.append(mpf(float(dtype(float(fit(known, degree)[len(known)])))))
    return known


# sin(r) = r + r³ s(r²) and cos(r) = 1 - r²/2 + r⁴ c(r²) for |r| ≤ π/4, and the tail of the normal
# distribution, Φ(-u) = e^(-u²/2) tail(t) / (1 + u) with t = (u - center) / (u + center): Chebyshev
# fits, which are close to the best.


def of_sin(square):
    return (sin(sqrt(square)) / sqrt(square) - 1) / square


def of_cos(square):
    return (cos(sqrt(square)) - 1 + square / 2) / square**2


def tail(center):
    def of_t(t):
        u = center * (1 + t) / (1 - t)
        return exp(u * u / 2) * erfc(u / sqrt(2)) / 2 * (1 + u)

    return of_t


def print_fits(dtype, degrees, center, furthest):
    top = (pi / 4 * mpf("1.01")) ** 2
    ends = [mpf(-1), mpf(furthest - center) / (furthest + center)]
    fits = {
        "sin": (of_sin, [mpf("1e-15"), top], degrees[0]),
        "cos": (of_cos, [mpf("1e-10"), top], degrees[1]),
        f"tail about {center}, up to {furthest}": (tail(mpf(center)), ends, degrees[2]),
    }
    for name, (function, interval, degree) in fits.items():
        coefficients, error = chebyfit(function, interval, degree + 1, error=True)
        print(f"{np.dtype(dtype).name}, {name}: error 2^{nstr(log(error, 2), 4)}")
        for coefficient in coefficients:
            print(f"    {dtype(float(coefficient))!s}")


def main():
    print_fits(np.float32, (2, 2, 10), 4, 15)
    print_fits(np.float64, (5, 5, 23), 5, 39)
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
