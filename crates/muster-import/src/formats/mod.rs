//! One table per format. A further format is a further file here and a line in [`crate::Format`].

pub(crate) mod fusionpbx;
pub(crate) mod own;
pub(crate) mod ringotel;
pub(crate) mod three_cx;
