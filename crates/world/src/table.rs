//! Objects of one kind, found by namespace and name, in a fixed order.

use hashbrown::HashMap;

#[derive(Debug)]
pub struct Table<T> {
    items: Vec<T>,
    /// namespace → name → position
    index: HashMap<String, HashMap<String, u32>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { items: Vec::new(), index: HashMap::new() }
    }
}

impl<T> Table<T> {
    /// Sorted by namespace and name; of two with one name the later one stays.
    pub(crate) fn new(mut items: Vec<T>, key: impl Fn(&T) -> (&str, &str)) -> Self {
        items.sort_by(|a, b| key(a).cmp(&key(b)));
        items.reverse();
        items.dedup_by(|a, b| key(a) == key(b));
        items.reverse();
        let mut index: HashMap<String, HashMap<String, u32>> = HashMap::new();
        for (i, item) in items.iter().enumerate() {
            let (ns, name) = key(item);
            let position = u32::try_from(i).unwrap_or(u32::MAX);
            index.entry_ref(ns).or_default().insert(name.to_owned(), position);
        }
        Table { items, index }
    }

    pub fn get(&self, namespace: &str, name: &str) -> Option<&T> {
        self.items.get(*self.index.get(namespace)?.get(name)? as usize)
    }

    pub(crate) fn get_mut(&mut self, namespace: &str, name: &str) -> Option<&mut T> {
        self.items.get_mut(*self.index.get(namespace)?.get(name)? as usize)
    }

    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Names of one namespace, unsorted.
    pub fn names_in(&self, namespace: &str) -> impl Iterator<Item = &str> {
        self.index.get(namespace).into_iter().flat_map(|m| m.keys().map(String::as_str))
    }

    pub(crate) fn at(&self, position: usize) -> &T {
        &self.items[position]
    }
}

impl<'t, T> IntoIterator for &'t Table<T> {
    type Item = &'t T;
    type IntoIter = std::slice::Iter<'t, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
