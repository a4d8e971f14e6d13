//! Numbers that only look random: the same from the same seed, on every machine and for ever.

/// A generator of pseudo-random numbers: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom
/// number generators", OOPSLA 2014).
#[derive(Clone, Debug)]
pub struct Rng(u64);

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

impl Rng {
    /// The generator of the case with this number of the campaign with this seed.
    pub fn new(seed: u64, number: u64) -> Rng {
        Rng(mix(seed.wrapping_add(GAMMA)) ^ mix(number.wrapping_mul(GAMMA).wrapping_add(1)))
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// A number below `bound`, 0 if that is 0. The bias is at most `bound` in 2^32.
    pub fn below(&mut self, bound: usize) -> usize {
        ((self.bits() >> 32).wrapping_mul(bound as u64) >> 32) as usize
    }

    /// A number from `low` up to and including `high`.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// One of them. None of nothing is asked for.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_pinned() {
        let mut rng = Rng::new(1, 2);
        let first: Vec<u64> = (0..3).map(|_| rng.bits()).collect();
        assert_eq!(first, PINNED);
    }

    const PINNED: [u64; 3] = [
        0xbf45_dc6d_b9dc_901f,
        0x9959_37f6_ce3d_92fb,
        0xd24a_edbb_d4f8_1770,
    ];

    #[test]
    fn neighbours_share_nothing() {
        let mut seen = std::collections::HashSet::new();
        for seed in 0..30 {
            for number in 0..30 {
                assert!(
                    seen.insert(Rng::new(seed, number).bits()),
                    "{seed} {number}"
                );
            }
        }
    }

    #[test]
    fn bounds_are_kept_and_reached() {
        let mut rng = Rng::new(0, 0);
        let drawn: Vec<usize> = (0..1000).map(|_| rng.between(3, 7)).collect();
        assert_eq!(drawn.iter().min(), Some(&3));
        assert_eq!(drawn.iter().max(), Some(&7));
        assert_eq!(rng.below(0), 0);
    }
}
