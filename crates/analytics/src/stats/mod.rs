//! Statistics of slices: how large is this, how far from usual, is it chance.
//!
//! | file | holds |
//! |---|---|
//! | [`moments`] | mean, variance, skewness, kurtosis, Jarque–Bera; a mergeable accumulator |
//! | [`order`] | quantiles, median, MAD, IQR, robust z |
//! | [`window`] | exact quantiles and extremes of the last w samples |
//! | [`sketch`] | quantiles of a stream in fixed memory with a relative error, decaying |
//! | [`ewma`] | exponentially weighted mean and variance |
//! | [`deviation`] | the calibrated deviation score of a window against its baseline |
//! | [`autocorrelation`] | autocorrelation, partial autocorrelation, Ljung–Box |
//! | [`trend`] | Mann–Kendall, Theil–Sen |
//! | [`counts`] | binomial and Poisson tests, comparison of two rates |
//! | [`samples`] | two samples: Kolmogorov–Smirnov, Welch, Mann–Whitney |
//! | [`conformal`] | intervals that cover by construction |
//! | [`isotonic`] | the best monotone fit |
//! | [`bootstrap`] | confidence intervals by resampling |

pub mod autocorrelation;
pub mod bootstrap;
pub mod conformal;
pub mod counts;
pub mod deviation;
pub mod ewma;
pub mod isotonic;
pub mod moments;
pub mod order;
pub mod samples;
pub mod sketch;
pub mod trend;
pub mod window;
