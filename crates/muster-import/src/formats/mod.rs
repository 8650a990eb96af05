//! One table per format. A further format is a further file here and a line in [`crate::Format`].

pub(crate) mod conductor;
pub(crate) mod freepbx;
pub(crate) mod fusionpbx;
pub(crate) mod ivozprovider;
pub(crate) mod mikopbx;
pub(crate) mod own;
pub(crate) mod reasons;
pub(crate) mod ringotel;
pub(crate) mod three_cx;
pub(crate) mod wazo;
pub(crate) mod webex;
