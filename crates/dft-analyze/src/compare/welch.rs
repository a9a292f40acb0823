//! Welch's test of whether two means differ by more than chance.

use serde::Serialize;

use super::RunNumbers;

/// Welch's unequal variances t-test of the mean durations of two runs, from their numbers of calls, means and
/// deviations.
///
/// B. L. Welch, The generalization of "Student's" problem when several different population variances are involved,
/// Biometrika 34 (1947). Calls of one run are not independent samples, so a small p is necessary but not sufficient
/// evidence of a change; the effect size says whether the change matters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Welch {
    /// The statistic t; positive if the other run's mean is greater.
    pub t: f64,
    /// The degrees of freedom, by Welch and Satterthwaite.
    pub degrees_of_freedom: f64,
    /// The probability of a t at least that far from 0 if the means were equal.
    pub p: f64,
    /// The difference of the means over the root mean square of the deviations: Cohen's d. 0.2 is small, 0.8 large.
    pub effect_size: f64,
}

impl Welch {
    /// Whether the change is more than noise: p below 0.01, and at least a small effect.
    pub fn is_more_than_noise(&self) -> bool {
        self.p < 0.01 && self.effect_size.abs() >= 0.2
    }
}

/// Tests two runs. `None` if a run has fewer than two calls, a deviation is not known, or nothing varies.
pub(super) fn test(a: &RunNumbers, b: &RunNumbers) -> Option<Welch> {
    let sample = |run: &RunNumbers| {
        let n = run.calls? as f64;
        (n >= 2.0).then_some((n, run.mean_us?, run.std_us?))
    };
    let ((na, mean_a, std_a), (nb, mean_b, std_b)) = (sample(a)?, sample(b)?);
    let (ea, eb) = (std_a * std_a / na, std_b * std_b / nb);
    let error = ea + eb;
    if error <= 0.0 {
        return None;
    }
    let t = (mean_b - mean_a) / error.sqrt();
    let degrees_of_freedom = error * error / (ea * ea / (na - 1.0) + eb * eb / (nb - 1.0));
    let spread = ((std_a * std_a + std_b * std_b) / 2.0).sqrt();
    Some(Welch { t, degrees_of_freedom, p: two_sided(t, degrees_of_freedom), effect_size: (mean_b - mean_a) / spread })
}

/// Returns the probability of a value at least as far from 0 as `t`, by Student's distribution.
fn two_sided(t: f64, degrees: f64) -> f64 {
    incomplete_beta(degrees / (degrees + t * t), degrees / 2.0, 0.5)
}

/// Returns the regularized incomplete beta function I_x(a, b), by its continued fraction (NIST Digital Library of
/// Mathematical Functions, 8.17.22) in the order of Lentz.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast below the mean of the distribution.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let front = (a * x.ln() + b * (-x).ln_1p() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    const TINY: f64 = 1e-300;
    let safe = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut c, mut d) = (1.0, 1.0 / safe(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for step in 1..10_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for term in [even, odd] {
            d = 1.0 / safe(1.0 + term * d);
            c = safe(1.0 + term / c);
            fraction *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (front * fraction).clamp(0.0, 1.0)
}

/// Returns the logarithm of the gamma function of a positive number: Stirling's series (NIST 5.11.1) from 10 on, to
/// which smaller numbers are moved.
fn ln_gamma(mut x: f64) -> f64 {
    let mut moved = 0.0;
    while x < 10.0 {
        moved -= x.ln();
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series =
        (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square * (1.0 / 1680.0 - square / 1188.0)))) / x;
    moved + (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(calls: u128, mean: f64, std: f64) -> RunNumbers {
        RunNumbers { calls: Some(calls), mean_us: Some(mean), std_us: Some(std), ..RunNumbers::default() }
    }

    #[test]
    fn probabilities_are_those_of_tables() {
        // Student's t: two-sided 5 % and 1 % points of the usual tables.
        for (t, degrees, p) in [
            (12.706, 1.0, 0.05),
            (4.303, 2.0, 0.05),
            (2.228, 10.0, 0.05),
            (3.169, 10.0, 0.01),
            (2.042, 30.0, 0.05),
            (1.960, 1e7, 0.05),
            (2.576, 1e7, 0.01),
            (0.0, 5.0, 1.0),
        ] {
            assert!((two_sided(t, degrees) - p).abs() < 2e-4, "{t} {degrees}: {}", two_sided(t, degrees));
        }
        // Γ(1/2) = √π, Γ(5) = 24.
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-12);
        assert!((ln_gamma(5.0) - 24_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn a_change_is_told_from_noise() {
        let same = test(&run(1_000, 100.0, 20.0), &run(1_000, 100.5, 20.0)).expect("a test");
        assert!(!same.is_more_than_noise() && same.p > 0.5);
        let slower = test(&run(1_000, 100.0, 20.0), &run(1_000, 120.0, 30.0)).expect("a test");
        assert!(slower.is_more_than_noise() && slower.t > 0.0 && slower.p < 1e-9);
        // Very many calls make any difference significant, and not one that matters.
        let tiny = test(&run(100_000_000, 100.0, 20.0), &run(100_000_000, 100.1, 20.0)).expect("a test");
        assert!(tiny.p < 0.01 && !tiny.is_more_than_noise());
        assert_eq!(test(&run(1, 100.0, 20.0), &run(9, 1.0, 1.0)), None);
        assert_eq!(test(&run(5, 100.0, 0.0), &run(9, 100.0, 0.0)), None);
    }
}
