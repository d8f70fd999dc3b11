//! Real programs on Regatta: see the `examples` directory beside this one. Nothing is here.

#![forbid(unsafe_code)]
