//! Scores of answers: the field's own measures, the same arithmetic as public scorers.
