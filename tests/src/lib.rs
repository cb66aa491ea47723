//! Helpers of the cross-lesson tests.
