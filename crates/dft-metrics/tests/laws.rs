//! Every metric has an identity, is commutative and associative, and agrees with a naive model that
//! keeps all samples.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fmt::Debug;

use dft_metrics::{Combined, ExactSum, FloatStats, IntStats, ShortForm, Sketch, SketchMapping, U256};
use num_bigint::BigInt;
use proptest::collection::vec;
use proptest::prelude::*;

/// A metric, and a step that adds to it.
trait Metric: Default + Clone + PartialEq + Debug {
    type Step: Clone + Debug;
    fn step(&mut self, step: &Self::Step);
    fn join(&mut self, other: &Self);

    fn of(steps: &[Self::Step]) -> Self {
        let mut metric = Self::default();
        steps.iter().for_each(|step| metric.step(step));
        metric
    }
}

fn laws<M: Metric>(a: &[M::Step], b: &[M::Step], c: &[M::Step]) -> Result<(), TestCaseError> {
    let join = |x: &M, y: &M| {
        let mut x = x.clone();
        x.join(y);
        x
    };
    let (ma, mb, mc) = (M::of(a), M::of(b), M::of(c));
    prop_assert_eq!(&join(&ma, &M::default()), &ma);
    prop_assert_eq!(&join(&M::default(), &ma), &ma);
    prop_assert_eq!(join(&ma, &mb), join(&mb, &ma));
    prop_assert_eq!(join(&join(&ma, &mb), &mc), join(&ma, &join(&mb, &mc)));
    prop_assert_eq!(join(&ma, &mb), M::of(&[a, b].concat()));
    Ok(())
}

#[derive(Clone, Debug)]
enum Step<T> {
    Sample(T),
    Summed(u64, Option<T>, Option<T>, Option<T>),
}

impl Metric for IntStats {
    type Step = Step<i64>;
    fn step(&mut self, step: &Step<i64>) {
        match *step {
            Step::Sample(value) => self.sample(value),
            Step::Summed(count, sum, low, high) => self.summed(count, sum, low, high),
        }
    }
    fn join(&mut self, other: &Self) {
        self.merge(other);
    }
}

impl Metric for FloatStats {
    type Step = Step<f64>;
    fn step(&mut self, step: &Step<f64>) {
        match *step {
            Step::Sample(value) => self.sample(value),
            Step::Summed(count, sum, low, high) => self.summed(count, sum, low, high),
        }
    }
    fn join(&mut self, other: &Self) {
        self.merge(other);
    }
}

#[derive(Clone, Debug)]
enum Term {
    Float(f64),
    Square(f64),
    Int(i128),
    Wide(u128, u64),
}

impl Metric for ExactSum {
    type Step = Term;
    fn step(&mut self, term: &Term) {
        match *term {
            Term::Float(value) => self.add_f64(value),
            Term::Square(value) => self.add_square(value),
            Term::Int(value) => self.add_i128(value),
            Term::Wide(lo, hi) => self.add_u256(U256 { hi: hi.into(), lo }),
        }
    }
    fn join(&mut self, other: &Self) {
        self.merge(other);
    }
}

const ACCURACY: f64 = 0.01;

impl Metric for Sketch {
    type Step = f64;
    fn step(&mut self, value: &f64) {
        self.add(&SketchMapping::new(ACCURACY).unwrap(), *value);
    }
    fn join(&mut self, other: &Self) {
        self.merge(other);
    }
}

fn int() -> BoxedStrategy<i64> {
    prop_oneof![any::<i64>(), -10_i64..10, Just(i64::MIN), Just(i64::MAX)].boxed()
}

fn float() -> BoxedStrategy<f64> {
    use prop::num::f64::{INFINITE, NEGATIVE, NORMAL, POSITIVE, QUIET_NAN, SUBNORMAL, ZERO};
    prop_oneof![
        POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO | INFINITE | QUIET_NAN,
        -1000.0..1000.0_f64,
        1e9..1e9 + 1.0_f64
    ]
    .boxed()
}

fn finite() -> impl Strategy<Value = f64> {
    float().prop_filter("finite", |value| value.is_finite())
}

fn steps<T: Clone + Debug + 'static>(value: BoxedStrategy<T>) -> impl Strategy<Value = Vec<Step<T>>> {
    let maybe = || prop::option::of(value.clone());
    let summed =
        (0_u64..4, maybe(), maybe(), maybe()).prop_map(|(count, sum, low, high)| Step::Summed(count, sum, low, high));
    vec(prop_oneof![3 => value.clone().prop_map(Step::Sample), 1 => summed], 0..12)
}

fn terms() -> impl Strategy<Value = Vec<Term>> {
    let term = prop_oneof![
        float().prop_map(Term::Float),
        float().prop_map(Term::Square),
        any::<i128>().prop_map(Term::Int),
        (any::<u128>(), any::<u64>()).prop_map(|(lo, hi)| Term::Wide(lo, hi)),
    ];
    vec(term, 0..12)
}

/// A finite double in units of 2^-1074.
fn fixed(value: f64) -> BigInt {
    let bits = value.to_bits();
    let (exponent, fraction) = (bits >> 52 & 0x7ff, bits & ((1 << 52) - 1));
    let magnitude =
        if exponent == 0 { BigInt::from(fraction) } else { BigInt::from(fraction | 1 << 52) << (exponent - 1) };
    if value.is_sign_negative() { -magnitude } else { magnitude }
}

/// Whether `root` is a nearest double of √(num / den).
fn is_nearest_root(root: f64, num: &BigInt, den: &BigInt) -> bool {
    // Twice the value, so that the midpoints to the neighbours are integers, in units of 2^-1075.
    let twice = |value: f64| fixed(value) * 2;
    let (below, above) = (root.next_down().max(0.0), root.next_up());
    let low = (twice(below) + twice(root)) / 2;
    let high = (twice(above) + twice(root)) / 2;
    let target = num << (2 * 1075_u32);
    &low * &low * den <= target && target <= &high * &high * den
}

/// Steps at the ends of the 64-bit range, so that sums and squares outgrow the narrow widths.
fn border_step() -> impl Strategy<Value = Step<i64>> {
    let value = || prop::sample::select(vec![i64::MIN, i64::MIN + 1, -1, 0, 1, 1 << 32, i64::MAX - 1, i64::MAX]);
    let count = prop::sample::select(vec![0, 1, 1, 1, 2, u64::MAX]);
    prop_oneof![
        6 => value().prop_map(Step::Sample),
        1 => (count, prop::option::of(value())).prop_map(|(count, sum)| Step::Summed(count, sum, None, None)),
    ]
}

proptest! {
    #[test]
    fn integer_statistics_are_commutative_and_associative(a in steps(int()), b in steps(int()), c in steps(int())) {
        laws::<IntStats>(&a, &b, &c)?;
    }

    #[test]
    fn float_statistics_are_commutative_and_associative(a in steps(float()), b in steps(float()), c in steps(float())) {
        laws::<FloatStats>(&a, &b, &c)?;
    }

    #[test]
    fn exact_sums_are_commutative_and_associative(a in terms(), b in terms(), c in terms()) {
        laws::<ExactSum>(&a, &b, &c)?;
    }

    #[test]
    fn sketches_are_commutative_and_associative(a in vec(float(), 0..20), b in vec(float(), 0..20), c in vec(float(), 0..20)) {
        laws::<Sketch>(&a, &b, &c)?;
    }

    #[test]
    fn integer_statistics_agree_with_all_samples(samples in vec(int(), 1..40)) {
        let stats = IntStats::of(&samples.iter().map(|&v| Step::Sample(v)).collect::<Vec<_>>());
        let n = BigInt::from(samples.len());
        let sum: BigInt = samples.iter().map(|&v| BigInt::from(v)).sum();
        prop_assert_eq!(BigInt::from(stats.sum()), sum.clone());
        prop_assert_eq!(stats.min(), samples.iter().copied().min());
        prop_assert_eq!(stats.max(), samples.iter().copied().max());
        let squares: BigInt = samples.iter().map(|&v| BigInt::from(v).pow(2)).sum();
        prop_assert_eq!(stats.parts().squares.to_bigint(), squares.clone());
        if samples.len() > 1 {
            let num = &n * squares - &sum * &sum;
            prop_assert!(is_nearest_root(stats.std().unwrap(), &num, &(&n * (&n - 1))));
        }
    }

    #[test]
    fn integer_statistics_are_equal_if_their_parts_are(
        a in vec(border_step(), 0..3), b in vec(border_step(), 0..3), c in vec(border_step(), 0..2),
    ) {
        let (a, b, c) = (IntStats::of(&a), IntStats::of(&b), IntStats::of(&c));
        let join = |x: &IntStats, y: &IntStats| { let mut x = x.clone(); x.merge(y); x };
        let both = [join(&join(&a, &b), &c), join(&c, &join(&b, &a))];
        for (x, y) in [(&a, &b), (&a, &c), (&both[0], &both[1]), (&a, &both[0])] {
            prop_assert_eq!(x == y, x.parts() == y.parts());
        }
    }

    #[test]
    fn sums_beyond_the_narrow_widths_are_exact(a in vec(border_step(), 0..40), b in vec(border_step(), 0..40)) {
        let (mut n, mut sum, mut squares, mut known) = (0_u128, 0_i128, BigInt::ZERO, true);
        for step in a.iter().chain(&b) {
            let (count, total) = match *step {
                Step::Sample(value) => (1, value),
                Step::Summed(count, Some(total), ..) => (count, total),
                Step::Summed(_, None, ..) => continue,
            };
            n += u128::from(count);
            sum += i128::from(total);
            match (count, total) {
                (1, _) => squares += BigInt::from(total).pow(2),
                (0, 0) => {}
                _ => known = false,
            }
        }
        let mut stats = IntStats::of(&a);
        stats.merge(&IntStats::of(&b));
        let parts = stats.parts();
        prop_assert_eq!((parts.n, parts.sum, parts.squares_known), (n, sum, known));
        prop_assert_eq!((stats.n(), stats.sum()), (n, sum));
        prop_assert_eq!(parts.squares.to_bigint(), if known { squares } else { BigInt::ZERO });
        prop_assert!(stats.narrow_parts().is_none_or(|narrow| narrow == parts));
        let mut again = IntStats::from_parts(parts);
        prop_assert_eq!(again.as_ref(), Some(&stats));
        if let Some(again) = &mut again {
            again.merge(&stats);
            stats.merge(&stats.clone());
            prop_assert_eq!(again.parts(), stats.parts());
        }
    }

    #[test]
    fn exact_sums_agree_with_big_integers(terms in vec(finite(), 0..30)) {
        let mut sum = ExactSum::default();
        terms.iter().for_each(|&term| sum.add_f64(term));
        let wanted: BigInt = terms.iter().map(|&term| fixed(term)).sum();
        let (value, exponent) = sum.to_bigint();
        let got = if exponent >= -1074 { value << (exponent + 1074) as u64 } else { value >> (-1074 - exponent) as u64 };
        prop_assert_eq!(got, wanted);
        let ShortForm { weight, bytes } = sum.short_form();
        prop_assert_eq!(ExactSum::from_short_form(weight, &bytes), Some(sum));
    }

    #[test]
    fn exact_sums_have_one_byte_form(weight in -400_i32..400, bytes in vec(any::<u8>(), 0..40)) {
        if let Some(sum) = ExactSum::from_short_form(weight, &bytes) {
            let ShortForm { weight: w, bytes: b } = sum.short_form();
            prop_assert_eq!((w, b.as_slice()), (weight, bytes.as_slice()));
        }
    }

    #[test]
    fn float_statistics_agree_with_two_passes(
        samples in vec(-1.0..1.0_f64, 2..50),
        shift in prop_oneof![Just(0.0), Just(1e9), Just(-3e12)],
    ) {
        let samples: Vec<f64> = samples.iter().map(|v| v + shift).collect();
        let stats = FloatStats::of(&samples.iter().map(|&v| Step::Sample(v)).collect::<Vec<_>>());
        // Differences from a sample are exact here.
        let n = samples.len() as f64;
        let offset: f64 = samples.iter().map(|v| v - samples[0]).sum::<f64>() / n;
        let m2: f64 = samples.iter().map(|v| (v - samples[0] - offset).powi(2)).sum();
        let close = |a: f64, b: f64, scale: f64| (a - b).abs() <= 1e-12 * scale.abs();
        prop_assert!(close(stats.mean().unwrap(), samples[0] + offset, samples[0] + offset) || stats.mean().unwrap().abs() < 1e-3);
        prop_assert!(close(stats.m2().unwrap(), m2, m2.max(1e-3)), "{} {}", stats.m2().unwrap(), m2);
        prop_assert!(close(stats.std().unwrap(), (m2 / (n - 1.0)).sqrt(), stats.std().unwrap().max(1e-2)));
    }

    #[test]
    fn joint_statistics_agree_with_all_samples(ints in vec(-1_000_000_i64..1_000_000, 0..20), floats in vec(-1e6..1e6_f64, 0..20)) {
        let int_stats = IntStats::of(&ints.iter().map(|&v| Step::Sample(v)).collect::<Vec<_>>());
        let float_stats = FloatStats::of(&floats.iter().map(|&v| Step::Sample(v)).collect::<Vec<_>>());
        let all: Vec<f64> = ints.iter().map(|&v| v as f64).chain(floats.iter().copied()).collect();
        let all_stats = FloatStats::of(&all.iter().map(|&v| Step::Sample(v)).collect::<Vec<_>>());
        let joint = Combined::new(&int_stats, &float_stats);
        prop_assert_eq!(joint.n(), all_stats.n());
        prop_assert_eq!(joint.total(), all_stats.total());
        prop_assert_eq!(joint.mean(), all_stats.mean());
        prop_assert_eq!(joint.std(), all_stats.std());
        prop_assert_eq!((joint.min(), joint.max()), (all_stats.min(), all_stats.max()));
    }

    #[test]
    fn quantiles_are_within_the_accuracy(mut samples in vec(prop_oneof![-1e12..1e12_f64, -1.0..1.0_f64, Just(0.0)], 1..100), q in 0.0..=1.0_f64) {
        let mapping = SketchMapping::new(ACCURACY).unwrap();
        let sketch = Sketch::of(&samples);
        samples.sort_by(f64::total_cmp);
        let exact = samples[(q * (samples.len() - 1) as f64) as usize];
        let got = sketch.quantile(&mapping, q, None).unwrap();
        prop_assert!((got - exact).abs() <= exact.abs() * ACCURACY * (1.0 + 1e-9), "{got} for {exact}");
    }

    #[test]
    fn quantiles_lie_within_the_minimum_and_the_maximum(
        ints in vec(prop_oneof![any::<i64>(), -3..4_i64, (1_i64 << 53)..(1 << 53) + 9, i64::MAX - 9..=i64::MAX], 0..40),
        floats in vec(prop_oneof![any::<f64>().prop_filter("finite", |v| v.is_finite()), -1.0..1.0_f64, Just(-0.0)], 0..40),
        // Aggregated calls widen the extrema, and are not in the sketch.
        others in vec(any::<i64>(), 0..2),
        more in 0.0..=1.0_f64,
    ) {
        let mapping = SketchMapping::new(ACCURACY).unwrap();
        let quantiles = [0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0, more];
        let mut stats = IntStats::of(&ints.iter().map(|&v| Step::Sample(v)).collect::<Vec<_>>());
        for &other in &others {
            stats.summed(9, None, Some(other), Some(other));
        }
        let mut sketch = Sketch::of(&ints.iter().map(|&v| v as f64).collect::<Vec<_>>());
        let got: Vec<f64> = quantiles.iter().filter_map(|&q| sketch.quantile(&mapping, q, stats.extent())).collect();
        prop_assert_eq!(got.len(), if ints.is_empty() { 0 } else { quantiles.len() });
        for (value, q) in got.iter().zip(quantiles) {
            let (min, max) = (stats.min().unwrap(), stats.max().unwrap());
            let (low, high) = stats.extent().unwrap();
            let no_double_between = (low as i128) < min.into() || (high as i128) > max.into();
            if no_double_between {
                prop_assert!(max.abs_diff(min) < 1024 && (low, high, *value) == (min as f64, min as f64, min as f64));
            } else {
                let value = *value as i128;
                prop_assert!(i128::from(min) <= value && value <= max.into(), "{value} at {q} of {min} to {max}");
            }
        }
        let float_stats = FloatStats::of(&floats.iter().map(|&v| Step::Sample(v)).collect::<Vec<_>>());
        let joint = Combined::new(&stats, &float_stats);
        floats.iter().for_each(|&value| sketch.add(&mapping, value));
        for q in quantiles {
            let Some(value) = sketch.quantile(&mapping, q, joint.extent()) else { continue };
            let (min, max) = (joint.min().unwrap(), joint.max().unwrap());
            prop_assert!(min <= value && value <= max, "{value} at {q} of {min} to {max}");
            if q == 0.0 || q == 1.0 {
                prop_assert_eq!(value, if q == 0.0 { min } else { max });
            }
        }
    }
}

#[test]
fn the_deviation_is_exact_for_values_far_from_zero() {
    let mut floats = FloatStats::default();
    for v in [1e9, 1e9 + 1.0, 1e9 + 2.0] {
        floats.sample(v);
    }
    assert_eq!((floats.mean(), floats.std(), floats.m2()), (Some(1e9 + 1.0), Some(1.0), Some(2.0)));
    let mut ints = IntStats::default();
    for v in [i64::MAX, i64::MAX - 1, i64::MAX - 2] {
        ints.sample(v);
    }
    assert_eq!(ints.std(), Some(1.0));
}

#[test]
fn extrema_without_a_sum_do_not_move_the_mean_or_the_count() {
    let mut stats = IntStats::default();
    stats.sample(10);
    stats.summed(58, None, Some(-3), Some(400));
    assert_eq!((stats.n(), stats.sum(), stats.mean()), (1, 10, Some(10.0)));
    assert_eq!((stats.min(), stats.max()), (Some(-3), Some(400)));
}

#[test]
fn the_deviation_of_summed_samples_is_unknown_and_not_zero() {
    let mut stats = IntStats::default();
    stats.summed(1, Some(7), None, None);
    stats.summed(1, Some(9), None, None);
    assert_eq!(stats.std(), Some(2.0_f64.sqrt()));
    stats.summed(5, Some(40), None, None);
    assert_eq!((stats.n(), stats.std()), (7, None));
}

#[test]
fn sums_lose_nothing_to_cancellation() {
    let mut stats = FloatStats::default();
    for v in [1e308, 1.0, -1e308] {
        stats.sample(v);
    }
    assert_eq!(stats.total(), 1.0);
    for v in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        stats.sample(v);
    }
    assert_eq!((stats.n(), stats.nonfinite(), stats.total()), (3, 3, 1.0));
}

#[test]
fn scaling_rounds_once() {
    assert_eq!(dft_metrics::scaled(1_234_567, 6), 1.234567);
    assert_eq!(dft_metrics::scaled(-5, 6), -5e-6);
    assert_eq!(dft_metrics::scaled(i128::from(i64::MAX) * 1_000_000, 6), i64::MAX as f64);
    assert_eq!(dft_metrics::scaled_wide(&U256::square_of_wide(1 << 100), 0), 2_f64.powi(200));
    assert_eq!(dft_metrics::scaled_wide(&U256::square_of_wide(i128::MIN), 0), 2_f64.powi(254));
}
