"""Fits BG/NBD and the shifted beta-geometric with SciPy's L-BFGS-B: the peer of bench_value, with the same likelihoods.

Reads {"histories": [[x, t_x, T], ...], "survivors": [...], "rounds": n} from standard input; prints milliseconds and
log-likelihoods as JSON. Parameters are searched as logarithms, from 1, with numerical gradients, as is usual.
"""

import json
import statistics
import sys
import time

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, gammaln


def bg_nbd(histories):
    x, t_x, age = np.array(histories).T

    def negative(logs):
        r, alpha, a, b = np.exp(logs)
        first = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        stays = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
        with np.errstate(divide="ignore"):
            left = np.where(
                x > 0,
                betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + t_x),
                -np.inf,
            )
        return -np.sum(first + np.logaddexp(stays, left))

    return negative, 4


def shifted_beta_geometric(survivors):
    survivors = np.array(survivors)
    lost = survivors[:-1] - survivors[1:]

    def negative(logs):
        alpha, beta = np.exp(logs)
        t = np.arange(len(survivors))
        survival = np.exp(betaln(alpha, beta + t) - betaln(alpha, beta))
        chance = survival[:-1] - survival[1:]
        return -(np.sum(lost * np.log(chance)) + survivors[-1] * np.log(survival[-1]))

    return negative, 2


def measure(negative, parameters, rounds):
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        found = minimize(negative, np.zeros(parameters), method="L-BFGS-B")
        times.append((time.perf_counter() - begin) * 1000)
    return {"ms": statistics.median(times), "log_likelihood": -float(found.fun)}


def main():
    asked = json.load(sys.stdin)
    rounds = asked["rounds"]
    print(json.dumps({
        "bg_nbd": measure(*bg_nbd(asked["histories"]), rounds),
        "sbg": measure(*shifted_beta_geometric(asked["survivors"]), rounds),
    }))


main()
