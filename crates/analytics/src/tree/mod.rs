//! Decision trees, boosted trees and their explanation.
