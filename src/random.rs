//! Seeded random numbers: numpy's legacy `RandomState`, bit for bit.
//!
//! Everything random in gistmap draws from [`RandomState`], so that a seed means here what it means
//! in Python: the same seed gives scikit-learn and gistmap the same draws.
//!
//! Sources: M. Matsumoto and T. Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed
//! uniform pseudorandom number generator" (1998); the legacy streams are those that numpy froze in
//! NEP 19. The golden values in `tests/golden/cluster/random_state.json` come from numpy itself.

const N: usize = 624;
const M: usize = 397;

/// numpy's `numpy.random.RandomState`: MT19937 with numpy's legacy distributions.
#[derive(Debug, Clone)]
pub struct RandomState {
    key: [u32; N],
    position: usize,
    /// The second normal number of a polar pair, kept for the next call.
    spare_normal: Option<f64>,
}

impl RandomState {
    /// A generator in the state of `numpy.random.RandomState(seed)`.
    pub fn new(seed: u32) -> Self {
        let mut key = [0; N];
        let mut word = seed;
        for (i, slot) in key.iter_mut().enumerate() {
            *slot = word;
            word = 1_812_433_253u32.wrapping_mul(word ^ (word >> 30)).wrapping_add(i as u32 + 1);
        }
        Self { key, position: N, spare_normal: None }
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.position == N {
            self.refill();
        }
        let mut y = self.key[self.position];
        self.position += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// The next 64 random bits, the upper half drawn first.
    pub fn next_u64(&mut self) -> u64 {
        let high = u64::from(self.next_u32());
        high << 32 | u64::from(self.next_u32())
    }

    /// A number in `[0, 1)` with 53 random bits: `random_sample()`.
    pub fn random_sample(&mut self) -> f64 {
        let (a, b) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(a) * 67_108_864.0 + f64::from(b)) / 9_007_199_254_740_992.0
    }

    /// `size` numbers in `[low, high)`: `uniform(low, high, size)`.
    pub fn uniform(&mut self, low: f64, high: f64, size: usize) -> Vec<f64> {
        (0..size).map(|_| low + (high - low) * self.random_sample()).collect()
    }

    /// One index drawn with the probabilities `p`: `choice(len(p), p=p)`.
    ///
    /// `None` unless the weights are finite, not negative and sum to more than 0. They are scaled
    /// to sum to 1, where numpy would ask for that.
    pub fn choice(&mut self, p: &[f64]) -> Option<usize> {
        if p.iter().any(|w| !w.is_finite() || *w < 0.0) {
            return None;
        }
        let cdf: Vec<f64> = p
            .iter()
            .scan(0.0, |sum, &weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        let total = *cdf.last()?;
        if total <= 0.0 {
            return None;
        }
        let value = self.random_sample();
        Some(cdf.partition_point(|&c| c / total <= value).min(p.len() - 1))
    }

    /// `size` indices below `n`, all equally likely, with replacement: `choice(n, size, p=[1 / n] * n)`.
    ///
    /// `share` is the `1 / n` of the caller's precision, whose sums numpy searches.
    pub fn choices(&mut self, n: usize, size: usize, share: f64) -> Vec<usize> {
        let mut sum = 0.0;
        let mut cdf: Vec<f64> = (0..n)
            .map(|_| {
                sum += share;
                sum
            })
            .collect();
        cdf.iter_mut().for_each(|c| *c /= sum);
        let draws = self.uniform(0.0, 1.0, size);
        draws.into_iter().map(|value| cdf.partition_point(|&c| c <= value)).collect()
    }

    /// An integer in `low..high`: `randint(low, high)`. `None` when the range is empty.
    pub fn randint(&mut self, low: i64, high: i64) -> Option<i64> {
        if low >= high {
            return None;
        }
        let range = high.wrapping_sub(1).wrapping_sub(low) as u64;
        Some(low.wrapping_add(self.interval(range) as i64))
    }

    /// The numbers `0..n` in random order: `permutation(n)`.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }

    /// Puts the items in random order: `shuffle(items)`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.interval(i as u64) as usize;
            items.swap(i, j);
        }
    }

    /// A number from the standard normal distribution: `standard_normal()` (Marsaglia's polar method).
    pub fn standard_normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        loop {
            let x1 = 2.0 * self.random_sample() - 1.0;
            let x2 = 2.0 * self.random_sample() - 1.0;
            let r2 = x1 * x1 + x2 * x2;
            if r2 < 1.0 && r2 != 0.0 {
                let factor = (-2.0 * r2.ln() / r2).sqrt();
                self.spare_normal = Some(factor * x1);
                return factor * x2;
            }
        }
    }

    /// An integer in `0..=max`: masks the bits and draws again until the value fits.
    fn interval(&mut self, max: u64) -> u64 {
        if max == 0 {
            return 0;
        }
        let mask = u64::MAX >> max.leading_zeros();
        loop {
            let bits = if max <= u64::from(u32::MAX) { u64::from(self.next_u32()) } else { self.next_u64() };
            if bits & mask <= max {
                return bits & mask;
            }
        }
    }

    fn refill(&mut self) {
        for i in 0..N {
            let y = (self.key[i] & 0x8000_0000) | (self.key[(i + 1) % N] & 0x7fff_ffff);
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.key[i] = self.key[(i + M) % N] ^ (y >> 1) ^ odd;
        }
        self.position = 0;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::RandomState;
    use serde_json::Value;

    fn golden() -> Value {
        serde_json::from_str(include_str!("../tests/golden/cluster/random_state.json")).unwrap()
    }

    fn floats(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().parse().unwrap()).collect()
    }

    fn integers(value: &Value) -> Vec<i64> {
        value.as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect()
    }

    #[test]
    fn every_stream_equals_numpy() {
        for case in golden().as_array().unwrap() {
            let new = || RandomState::new(case["seed"].as_u64().unwrap() as u32);
            let mut rng = new();
            let samples: Vec<f64> = (0..700).map(|_| rng.random_sample()).collect();
            assert_eq!(samples[..5], floats(&case["random_sample"])[..5]);
            assert_eq!(samples[695..], floats(&case["random_sample"])[5..]);
            assert_eq!(new().uniform(-2.5, 7.0, 6), floats(&case["uniform"]));
            let weights = floats(&case["weights"]);
            let mut rng = new();
            let chosen: Vec<i64> = (0..20).map(|_| rng.choice(&weights).unwrap() as i64).collect();
            assert_eq!(chosen, integers(&case["choice"]));
            for range in case["randint"].as_array().unwrap() {
                let (low, high) = (range["low"].as_i64().unwrap(), range["high"].as_i64().unwrap());
                let mut rng = new();
                let drawn: Vec<i64> = (0..12).map(|_| rng.randint(low, high).unwrap()).collect();
                assert_eq!(drawn, integers(&range["values"]), "{low}..{high}");
            }
            let order: Vec<i64> = new().permutation(50).iter().map(|&i| i as i64).collect();
            assert_eq!(order, integers(&case["permutation"]));
            let mut letters: Vec<char> = ('a'..='z').collect();
            new().shuffle(&mut letters);
            assert_eq!(letters.iter().collect::<String>(), case["shuffle"].as_str().unwrap());
            let mut rng = new();
            for expected in floats(&case["standard_normal"]) {
                assert!((rng.standard_normal() - expected).abs() <= 1e-15 * expected.abs());
            }
            let mixed = [rng.random_sample(), rng.random_sample()];
            assert_eq!(mixed.to_vec(), floats(&case["after_normal"]));
        }
    }

    #[test]
    fn impossible_draws_are_none() {
        let mut rng = RandomState::new(1);
        assert_eq!(rng.randint(3, 3), None);
        assert_eq!(rng.randint(3, 4), Some(3));
        assert_eq!(rng.choice(&[]), None);
        assert_eq!(rng.choice(&[0.0, 0.0]), None);
        assert_eq!(rng.choice(&[0.5, f64::NAN]), None);
        assert_eq!(rng.choice(&[0.0, 1.0, 0.0]), Some(1));
        assert!(rng.randint(i64::MIN, i64::MAX).is_some());
        assert!(rng.permutation(0).is_empty());
    }
}
