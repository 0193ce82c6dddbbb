//! What can be wrong with the input of a method.

/// Why a method gave no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// Fewer points, rows or items than the method needs.
    #[error("{what}: needs at least {needed}, has {found}")]
    TooFew {
        /// What is counted.
        what: &'static str,
        /// The least the method works with.
        needed: usize,
        /// What was given.
        found: usize,
    },
    /// Two inputs that must be equally long are not.
    #[error("{what}: lengths {left} and {right} differ")]
    Lengths {
        /// Which inputs.
        what: &'static str,
        /// Length of the first.
        left: usize,
        /// Length of the second.
        right: usize,
    },
    /// NaN or an infinity where the method's NaN policy is to refuse.
    #[error("{what}: not a finite number at {index}")]
    NotFinite {
        /// Which input.
        what: &'static str,
        /// Position of the first such value.
        index: usize,
    },
    /// A parameter outside its range.
    #[error("{name}: {value} is out of range, {expected}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// A matrix that must be invertible or positive definite is not; collinear or constant columns do this.
    #[error("{what}: the matrix is singular")]
    Singular {
        /// What was to be solved.
        what: &'static str,
    },
    /// Foreign text or bytes (a model file, a snapshot) that do not read as what they claim to be.
    #[error("{what}: {detail}")]
    Format {
        /// What was read.
        what: &'static str,
        /// What is wrong, with the place.
        detail: String,
    },
}

impl Error {
    /// [`Error::TooFew`] unless there are at least `needed`.
    pub(crate) fn at_least(what: &'static str, needed: usize, found: usize) -> Result<(), Self> {
        if found < needed { Err(Self::TooFew { what, needed, found }) } else { Ok(()) }
    }

    /// [`Error::Lengths`] unless both are equal.
    pub(crate) fn same_length(what: &'static str, left: usize, right: usize) -> Result<(), Self> {
        if left == right { Ok(()) } else { Err(Self::Lengths { what, left, right }) }
    }

    /// [`Error::NotFinite`] at the first NaN or infinity.
    pub(crate) fn all_finite(what: &'static str, values: &[f64]) -> Result<(), Self> {
        match values.iter().position(|v| !v.is_finite()) {
            Some(index) => Err(Self::NotFinite { what, index }),
            None => Ok(()),
        }
    }

    /// [`Error::Parameter`] unless `ok`.
    pub(crate) fn parameter(ok: bool, name: &'static str, value: f64, expected: &'static str) -> Result<(), Self> {
        if ok { Ok(()) } else { Err(Self::Parameter { name, value, expected }) }
    }
}
