"""Statistics of made-up times with NumPy: medians, quantiles, far samples, bootstrapped intervals, the exponent of a power law.

Written by the definitions, not beside the Rust: the median of slopes goes over all pairs at once, quantiles and medians are NumPy's own. A sample is drawn again as
`samples[floor(u * length)]` with the uniforms of `np.random.default_rng(seed)`, one after the other. Run
`python3 tests/independent/times.py > tests/independent/times.json`.
"""

import json
import statistics as standard

import numpy as np

RESAMPLES = 1000
ENDS = [0.025, 0.975]
NORMAL = 1 / standard.NormalDist().inv_cdf(0.75)


class Draws:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def some(self, samples):
        """As many of the samples as there are, drawn with replacement."""
        at = [int(np.floor(self.rng.random() * len(samples))) for _ in samples]
        return [samples[i] for i in at]


def ends(all):
    return [float(x) for x in np.quantile(all, ENDS)]


def slope(x, y):
    """Theil and Sen: the median over all pairs i < j of (ln y_j - ln y_i) / (ln x_j - ln x_i)."""
    x, y = np.log(x), np.log(y)
    rise, run = y[:, None] - y[None, :], x[:, None] - x[None, :]
    return float(np.median((rise[run != 0] / run[run != 0])))


def law(places, seed):
    x = [p[0] for p in places]
    y = [float(np.median(p[1])) for p in places]
    exponent = slope(x, y)
    factor = float(np.exp(np.median(np.log(y) - exponent * np.log(x))))
    draws, all = Draws(seed), []
    while len(all) < RESAMPLES:
        some = draws.some(places)
        if len({p[0] for p in some}) < 2:
            continue
        all.append(slope([p[0] for p in some], [np.median(draws.some(p[1])) for p in some]))
    return {"exponent": exponent, "factor": factor, "interval": ends(all)}


def main():
    made = np.random.default_rng(20)
    cases = []
    for count, step in [(1, 0.1), (2, 0.1), (5, 0.005), (7, 0.1), (12, 0.02)]:
        # Times lean to one side, and now and then something disturbs them.
        samples = np.round(3 + made.gamma(2, 0.2, count), 3)
        if count > 4:
            samples[count // 2] *= 4
        samples = [float(x) for x in samples]
        middle = float(np.median(samples))
        mad = float(np.median(np.abs(np.array(samples) - middle)) * NORMAL)
        draws = Draws(count)
        medians = [np.median(draws.some(samples)) for _ in range(RESAMPLES)]
        cases.append({
            "samples": samples,
            "step": step,
            "seed": count,
            "median": middle,
            "quantiles": [[share, float(np.quantile(samples, share))] for share in [0, 0.025, 0.25, 0.6, 0.975, 1]],
            "deviation": mad,
            "far": [x > middle + 3 * max(mad, step) for x in samples],
            "interval": ends(medians) if count > 1 else None,
        })
    ratios = []
    for seed, (over, under) in enumerate([(6, 6), (5, 9), (2, 3)]):
        over, under = ([float(x) for x in np.round(m + made.gamma(2, 0.3, n), 3)] for m, n in [(8, over), (3, under)])
        draws = Draws(seed)
        all = []
        for _ in range(RESAMPLES):
            above = np.median(draws.some(over))
            all.append(above / np.median(draws.some(under)))
        ratio = float(np.median(over) / np.median(under))
        ratios.append({"over": over, "under": under, "seed": seed, "ratio": ratio, "interval": ends(all)})
    laws = []
    for seed, (exponent, fixed, count) in enumerate([(2.0, 0.0, 6), (1.0, 0.4, 5), (1.6, 0.0, 3)]):
        places = []
        for i in range(count):
            x = 64.0 * 2**i
            y = (fixed + (x / 100) ** exponent) * (1 + made.gamma(2, 0.02, 5))
            places.append((x, [float(v) for v in np.round(y, 4)]))
        laws.append({"places": places, "seed": seed, **law(places, seed)})
    print(json.dumps({"samples": cases, "ratios": ratios, "laws": laws}))


main()
