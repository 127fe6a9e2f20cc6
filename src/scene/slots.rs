//! Who holds which of a few places: the one not seen for longest makes room.

use std::collections::HashMap;

/// Slots numbered from 0, each held by one picture.
#[derive(Debug, Clone)]
pub struct Slots {
    of: HashMap<u32, u32>,
    /// Holder of each slot, and when it was last touched.
    held: Vec<Option<(u32, u64)>>,
    used: u32,
    clock: u64,
}

impl Slots {
    /// `count` free slots.
    pub fn new(count: u32) -> Self {
        Self { of: HashMap::new(), held: vec![None; count as usize], used: 0, clock: 0 }
    }

    /// The slot that `picture` holds.
    pub fn get(&self, picture: u32) -> Option<u32> {
        self.of.get(&picture).copied()
    }

    /// As [`Self::get`], and the picture counts as just seen.
    pub fn touch(&mut self, picture: u32) -> Option<u32> {
        let slot = self.get(picture)?;
        self.clock += 1;
        self.held[slot as usize] = Some((picture, self.clock));
        Some(slot)
    }

    /// A slot for `picture`: its own, a free one, or that of the picture not seen for longest, which loses it.
    pub fn take(&mut self, picture: u32) -> u32 {
        if let Some(slot) = self.touch(picture) {
            return slot;
        }
        let slot = if (self.used as usize) < self.held.len() {
            self.used += 1;
            self.used - 1
        } else {
            let seen = |slot: &u32| self.held[*slot as usize].map(|(_, at)| at);
            let oldest = (0..self.used).min_by_key(seen).unwrap_or(0);
            if let Some((loser, _)) = self.held[oldest as usize] {
                self.of.remove(&loser);
            }
            oldest
        };
        self.clock += 1;
        self.held[slot as usize] = Some((picture, self.clock));
        self.of.insert(picture, slot);
        slot
    }

    /// Whether the next newcomer makes another picture lose its slot.
    pub fn is_full(&self) -> bool {
        self.used as usize == self.held.len()
    }

    /// More slots, `count` in all; holders keep theirs.
    pub fn grow(&mut self, count: u32) {
        let count = (count as usize).max(self.held.len());
        self.held.resize(count, None);
    }
}

#[cfg(test)]
mod tests {
    use super::Slots;

    #[test]
    fn the_one_not_seen_for_longest_makes_room() {
        let mut slots = Slots::new(3);
        assert_eq!([7, 8, 9].map(|p| slots.take(p)), [0, 1, 2]);
        assert!(slots.is_full());
        assert_eq!(slots.touch(7), Some(0));
        assert_eq!(slots.take(9), 2);
        assert_eq!(slots.take(100), 1);
        assert_eq!(slots.get(8), None);
        assert_eq!([7, 9, 100].map(|p| slots.get(p)), [Some(0), Some(2), Some(1)]);
    }

    #[test]
    fn grown_slots_come_before_anyone_must_leave() {
        let mut slots = Slots::new(1);
        slots.take(1);
        slots.grow(2);
        assert!(!slots.is_full());
        assert_eq!(slots.take(2), 1);
        assert_eq!((slots.get(1), slots.touch(5)), (Some(0), None));
    }
}
