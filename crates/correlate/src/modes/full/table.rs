//! What is known by the numbers that `Places` gives out: a look asks for a hundred of them, and a list is found faster than a hash.

use super::places::Thing;

/// Values by number; numbers are given out one after the other, so the list has few holes.
#[derive(Debug)]
pub(super) struct Table<T>(Vec<Option<T>>);

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table(Vec::new())
    }
}

impl<T> Table<T> {
    pub fn get(&self, at: Thing) -> Option<&T> {
        self.0.get(at as usize)?.as_ref()
    }

    pub fn insert(&mut self, at: Thing, value: T) {
        let at = at as usize;
        if self.0.len() <= at {
            self.0.resize_with(at + 1, || None);
        }
        self.0[at] = Some(value);
    }

    pub fn iter(&self) -> impl Iterator<Item = (Thing, &T)> {
        self.0.iter().enumerate().filter_map(|(at, value)| Some((at as Thing, value.as_ref()?)))
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}
